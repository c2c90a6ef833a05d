import type { ChooseCommand, CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { parseSeconds } from '../job-options/number-option.js';
import { selectNodes } from '../node/select-nodes.js';
import { watchNodes } from '../node/watch-nodes.js';
import { printable } from '../output/printable.js';
import { colourState } from '../output/colour-state.js';
import { unwrap } from '../unwrap.js';
import { UsageError } from '../../shared/lib/usage-error.js';

interface StatusOptions {
  readonly nodes: readonly string[];
  readonly watch: boolean;
  readonly interval: string | undefined;
}

const DEFAULT_INTERVAL = '2';

/** Declares `node status`. */
export const addNodeStatus = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'status [nodes..]',
    'Show which nodes are available for jobs: one line per node with name, TAB, availability',
    (builder) =>
      builder
        .positional('nodes', {
          type: 'string',
          array: true,
          default: [],
          describe: 'Names of nodes, or Chef search queries like role:web (default: all online nodes)',
        })
        .option('watch', {
          type: 'boolean',
          default: false,
          describe:
            'Update until Ctrl-C: redraw all nodes on a terminal, else print a line for each node that changes',
        })
        .option('interval', {
          type: 'string',
          requiresArg: true,
          describe: `Seconds between two updates with --watch (default ${DEFAULT_INTERVAL})`,
        }),
    (options) => choose(options, (context) => runNodeStatus(context, options)),
  );

const runNodeStatus = async (context: CommandContext, options: StatusOptions): Promise<number> => {
  const { nodes, watch, interval } = options;
  if (!watch) {
    if (interval !== undefined) throw new UsageError('--interval requires --watch');
    return showNodes(context, nodes);
  }
  if (context.options.format !== 'summary')
    throw new UsageError(
      '--watch cannot be used with --format: it never ends, so it cannot print a document',
    );
  await watchNodes(context, nodes, parseSeconds('--interval', interval ?? DEFAULT_INTERVAL));
  return EXIT.ok;
};

const showNodes = async (context: CommandContext, namesOrQueries: readonly string[]): Promise<number> => {
  const selection = await selectNodes(context.client, namesOrQueries);
  const nodes = unwrap(await selection.fetch());
  const { environment, options } = context;
  context.writeResult(nodes, () =>
    nodes.map(({ node_name, availability }) =>
      options.quiet
        ? printable(node_name)
        : `${printable(node_name)}\t${colourState(environment, environment.stdout, availability)}`,
    ),
  );
  return EXIT.ok;
};
