import type { ApiError } from '../../shared/api-client/api-error.js';
import { AppError } from '../../shared/lib/app-error.js';
import type { ChooseCommand } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { readJobId } from '../job-id.js';
import { renderOutcome } from '../output/render-job.js';

/** Declares `job abort`. */
export const addJobAbort = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'abort <id>',
    'End a job that is going on, on all its nodes',
    (builder) => builder.positional('id', { type: 'string', demandOption: true, describe: 'Id of the job' }),
    (options) => choose(options, (context) => abortJob(context, readJobId(options.id))),
  );

const abortJob = async (context: CommandContext, id: string): Promise<number> => {
  const aborted = await context.client.abortJob(id);
  if (!aborted.ok) throw await explain(context, id, aborted.error);
  context.writeResult(aborted.value, () => renderOutcome(aborted.value));
  return EXIT.ok;
};

/** An older server does not know the request at all; then the job that it shows tells us so. */
const explain = async ({ client }: CommandContext, id: string, error: ApiError): Promise<AppError> => {
  const isUnknown = error.status === 404 || error.status === 405;
  const job = isUnknown ? await client.getJob(id) : undefined;
  if (job?.ok !== true) return error;
  return new AppError(
    'abort_unsupported',
    `the server knows the job, which is ${job.value.status}, but not how to abort one: it is older than push-jobs. ${error.message}`,
  );
};
