import type { ChooseCommand, CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { diagnoseNode } from '../node/diagnose-node.js';
import { renderDiagnosis } from '../node/render-diagnosis.js';

/** Declares `node why`. */
export const addNodeWhy = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'why <node>',
    'Explain why a node is or is not available for jobs, and what to do about it',
    (builder) =>
      builder.positional('node', { type: 'string', demandOption: true, describe: 'Name of the node' }),
    (options) => choose(options, (context) => explainNode(context, options.node)),
  );

const explainNode = async (context: CommandContext, node: string): Promise<number> => {
  const diagnosis = await diagnoseNode(context.client, node);
  context.writeResult(diagnosis, () => renderDiagnosis(context, diagnosis));
  return EXIT.ok;
};
