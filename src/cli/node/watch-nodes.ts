import type { NodeAvailability } from '../../shared/protocol/rest-schemas.js';
import type { OutputStream } from '../cli-environment.js';
import type { CommandContext } from '../command-context.js';
import { printable } from '../output/printable.js';
import { colourState } from '../output/style.js';
import { cutToWidth, formatTable } from '../output/table.js';
import { columnsOf, isScreen, rowsOf } from '../output/terminal.js';
import { pause } from '../pause.js';
import { findWantedNodes } from './find-wanted-nodes.js';

const CLEAR_SCREEN = '\x1b[H\x1b[2J';
const DEFAULT_ROWS = 24;
/** For the headline, the line that says how many more there are, and the cursor. */
const ROWS_BESIDE_NODES = 4;

/**
 * Shows how nodes are, again and again, until Ctrl-C. A server that is in trouble for a while is said so and asked
 * again. Throws an ApiError where it refuses.
 */
export const watchNodes = async (
  context: CommandContext,
  wanted: readonly string[],
  intervalMs: number,
): Promise<void> => {
  const { environment, client } = context;
  const stop = new AbortController();
  const stopListening = environment.onInterrupt(() => stop.abort());
  const view = isScreen(environment, environment.stdout)
    ? new ScreenView(context)
    : new ChangesView(environment.stdout);
  try {
    const nodes = await findWantedNodes(client, wanted);
    do {
      const seen = await nodes.look();
      if (seen.ok) view.show(seen.value);
      else if (seen.error.isPassing) environment.stderr.write(`${printable(seen.error.message)}\n`);
      else throw seen.error;
    } while (await pause(intervalMs, stop.signal));
  } finally {
    stopListening();
  }
};

/** Fills the terminal with the latest picture, as far as there is room. */
class ScreenView {
  constructor(private readonly context: CommandContext) {}

  show(nodes: readonly NodeAvailability[]): void {
    const { environment } = this.context;
    const { stdout, clock } = environment;
    const room = Math.max(1, (rowsOf(stdout) ?? DEFAULT_ROWS) - ROWS_BESIDE_NODES);
    const available = nodes.filter(({ availability }) => availability === 'available').length;
    const time = new Date(clock.now()).toISOString().slice(11, 19);
    const headline = `${available} of ${nodes.length} nodes available at ${time}Z. Ctrl-C ends this.`;
    const width = columnsOf(stdout) ?? Infinity;
    const rows = nodes
      .slice(0, room)
      .map(({ node_name, availability }) => [
        cutToWidth(printable(node_name), Math.max(1, width - 'unavailable'.length - 2)),
        colourState(environment, stdout, availability),
      ]);
    const rest = nodes.length > room ? [`and ${nodes.length - room} more`] : [];
    const lines = [cutToWidth(headline, width), '', ...formatTable(rows), ...rest];
    stdout.write(`${CLEAR_SCREEN}${lines.join('\n')}\n`);
  }
}

/** Prints a line for each node that is not as it was when it was last seen; at first, for each node. */
class ChangesView {
  private before = new Map<string, NodeAvailability['availability']>();

  constructor(private readonly stdout: OutputStream) {}

  show(nodes: readonly NodeAvailability[]): void {
    const now = new Map(nodes.map(({ node_name, availability }) => [node_name, availability]));
    const gone = [...this.before.keys()].filter((name) => !now.has(name));
    for (const name of gone) if (this.before.get(name) === 'available') now.set(name, 'unavailable');
    for (const [name, availability] of now) {
      if (this.before.get(name) !== availability) this.stdout.write(`${printable(name)}\t${availability}\n`);
    }
    this.before = now;
  }
}
