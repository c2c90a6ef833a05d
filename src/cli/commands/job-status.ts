import type { ChooseCommand, CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { parseJobId } from '../job-id.js';
import { renderJob } from '../output/render-job.js';
import { findNodesWithoutOutput, renderNodesWithoutOutput } from '../run/missing-output.js';
import { unwrap } from '../unwrap.js';

/** Declares `job status`. */
export const addJobStatus = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'status <id>',
    'Show a job and its nodes',
    (builder) => builder.positional('id', { type: 'string', demandOption: true, describe: 'ID of the job' }),
    (options) => choose(options, (context) => showJob(context, parseJobId(options.id))),
  );

const showJob = async (context: CommandContext, id: string): Promise<number> => {
  const job = unwrap(await context.client.getJob(id, { details: true }));
  const withoutOutput =
    context.options.format === 'summary' ? await findNodesWithoutOutput(context, job) : [];
  context.writeResult(job, () => [
    ...renderJob(context.environment, job),
    ...(withoutOutput.length === 0 ? [] : ['', ...renderNodesWithoutOutput(withoutOutput)]),
  ]);
  return EXIT.ok;
};
