import type { NodeAvailability } from '../../shared/protocol/rest-schemas.js';
import type { OutputStream } from '../cli-environment.js';
import type { CommandContext } from '../command-context.js';
import { printable } from '../output/printable.js';
import { colourState } from '../output/colour-state.js';
import { truncateToWidth, formatTable } from '../output/table.js';
import { columnsOf, supportsAnsi, rowsOf } from '../output/terminal.js';
import { pause, withInterruptSignal } from '../interrupt.js';
import { selectNodes } from './select-nodes.js';

const CLEAR_SCREEN = '\x1b[H\x1b[2J';
const DEFAULT_ROWS = 24;
/** The headline, the empty line below it, the line "and N more", and the line of the cursor. */
const RESERVED_ROWS = 4;

/**
 * Shows the availability of nodes every `intervalMs` milliseconds until Ctrl-C. Prints temporary errors and retries;
 * throws an ApiError for other errors.
 */
export const watchNodes = async (
  context: CommandContext,
  namesOrQueries: readonly string[],
  intervalMs: number,
): Promise<void> => {
  const { environment, client } = context;
  const view = supportsAnsi(environment, environment.stdout)
    ? new ScreenView(context)
    : new ChangesView(environment.stdout);
  await withInterruptSignal(environment, async (signal) => {
    const selection = await selectNodes(client, namesOrQueries);
    do {
      const nodes = await selection.fetch();
      if (nodes.ok) view.show(nodes.value);
      else if (nodes.error.isTransient) environment.stderr.write(`${printable(nodes.error.message)}\n`);
      else throw nodes.error;
    } while (await pause(intervalMs, signal));
  });
};

/** Redraws the whole terminal with as many nodes as it has room for. */
class ScreenView {
  constructor(private readonly context: CommandContext) {}

  show(nodes: readonly NodeAvailability[]): void {
    const { environment } = this.context;
    const { stdout, clock } = environment;
    const room = Math.max(1, (rowsOf(stdout) ?? DEFAULT_ROWS) - RESERVED_ROWS);
    const available = nodes.filter(({ availability }) => availability === 'available').length;
    const time = new Date(clock.now()).toISOString().slice(11, 19);
    const headline = `${available} of ${nodes.length} nodes available at ${time}Z. Press Ctrl-C to stop.`;
    const width = columnsOf(stdout) ?? Infinity;
    const rows = nodes
      .slice(0, room)
      .map(({ node_name, availability }) => [
        truncateToWidth(printable(node_name), Math.max(1, width - 'unavailable'.length - 2)),
        colourState(environment, stdout, availability),
      ]);
    const rest = nodes.length > room ? [`and ${nodes.length - room} more`] : [];
    const lines = [truncateToWidth(headline, width), '', ...formatTable(rows), ...rest];
    stdout.write(`${CLEAR_SCREEN}${lines.join('\n')}\n`);
  }
}

/** Prints a line for each node whose availability has changed; the first time, for each node. */
class ChangesView {
  private shown = new Map<string, NodeAvailability['availability']>();

  constructor(private readonly stdout: OutputStream) {}

  show(nodes: readonly NodeAvailability[]): void {
    const latest = new Map(nodes.map(({ node_name, availability }) => [node_name, availability]));
    for (const [name, availability] of this.shown) {
      if (availability === 'available' && !latest.has(name)) latest.set(name, 'unavailable');
    }
    for (const [name, availability] of latest) {
      if (this.shown.get(name) !== availability) this.stdout.write(`${printable(name)}\t${availability}\n`);
    }
    this.shown = latest;
  }
}
