import type { NodeAvailability } from '../../protocol/rest-shapes.js';
import type { ChooseCommand } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { printable } from '../output/printable.js';
import { colourState } from '../output/style.js';
import { unwrap } from '../unwrap.js';

/** What a search query has and the name of a node as a rule has not. */
const QUERY = /[:*?\s]/;

/** Declares `node status`. */
export const addNodeStatus = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'status [nodes..]',
    'Show which nodes are available for jobs: one line a node, name, TAB, availability',
    (builder) =>
      builder.positional('nodes', {
        type: 'string',
        array: true,
        default: [],
        describe: 'Names of nodes, or Chef searches like role:web (default: all that are online)',
      }),
    (options) => choose(options, (context) => showNodes(context, options.nodes)),
  );

const showNodes = async (context: CommandContext, wanted: readonly string[]): Promise<number> => {
  const online = unwrap(await context.client.listNodes());
  const nodes = wanted.length === 0 ? online : await pickNodes(context, online, wanted);
  const { environment } = context;
  context.writeResult(nodes, () =>
    nodes.map(
      ({ node_name, availability }) =>
        `${printable(node_name)}\t${colourState(environment, environment.stdout, availability)}`,
    ),
  );
  return EXIT.ok;
};

/** The wanted nodes, each once; one that the server does not list is not online, and so not available. */
const pickNodes = async (
  { client }: CommandContext,
  online: readonly NodeAvailability[],
  wanted: readonly string[],
): Promise<NodeAvailability[]> => {
  const names = new Set<string>();
  for (const text of wanted) {
    const found = QUERY.test(text) ? unwrap(await client.searchNodes(text)) : [text];
    for (const name of found) names.add(name);
  }
  const byName = new Map(online.map((node) => [node.node_name, node]));
  return [...names].map((name) => byName.get(name) ?? { node_name: name, availability: 'unavailable' });
};
