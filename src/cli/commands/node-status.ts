import type { ChooseCommand } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { readSeconds } from '../job-options/number-option.js';
import { findWantedNodes } from '../node/find-wanted-nodes.js';
import { watchNodes } from '../node/watch-nodes.js';
import { printable } from '../output/printable.js';
import { colourState } from '../output/style.js';
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
    'Show which nodes are available for jobs: one line a node, name, TAB, availability',
    (builder) =>
      builder
        .positional('nodes', {
          type: 'string',
          array: true,
          default: [],
          describe: 'Names of nodes, or Chef searches like role:web (default: all that are online)',
        })
        .option('watch', {
          type: 'boolean',
          default: false,
          describe:
            'Go on until Ctrl-C: on a terminal the whole picture, else a line for each node that changes',
        })
        .option('interval', {
          type: 'string',
          requiresArg: true,
          describe: `Seconds between two looks with --watch (default ${DEFAULT_INTERVAL})`,
        }),
    (options) => choose(options, (context) => nodeStatus(context, options)),
  );

const nodeStatus = async (context: CommandContext, options: StatusOptions): Promise<number> => {
  const { nodes, watch, interval } = options;
  if (!watch) {
    if (interval !== undefined) throw new UsageError('--interval goes with --watch');
    return showNodes(context, nodes);
  }
  if (context.options.format !== 'summary')
    throw new UsageError('--watch has no end and so no document: leave --format out');
  await watchNodes(context, nodes, readSeconds('--interval', interval ?? DEFAULT_INTERVAL));
  return EXIT.ok;
};

const showNodes = async (context: CommandContext, wanted: readonly string[]): Promise<number> => {
  const nodes = await (await findWantedNodes(context.client, wanted)).look();
  if (!nodes.ok) throw nodes.error;
  const { environment, options } = context;
  context.writeResult(nodes.value, () =>
    nodes.value.map(({ node_name, availability }) =>
      options.quiet
        ? printable(node_name)
        : `${printable(node_name)}\t${colourState(environment, environment.stdout, availability)}`,
    ),
  );
  return EXIT.ok;
};
