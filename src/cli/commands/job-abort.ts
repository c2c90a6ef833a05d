import type { ApiError } from '../../shared/api-client/api-error.js';
import { AppError } from '../../shared/lib/app-error.js';
import type { ChooseCommand, CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { parseJobId } from '../job-id.js';
import { renderOutcome } from '../output/render-job.js';

/** Declares `job abort`. */
export const addJobAbort = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'abort <id>',
    'Abort a job on all its nodes',
    (builder) => builder.positional('id', { type: 'string', demandOption: true, describe: 'ID of the job' }),
    (options) => choose(options, (context) => abortJob(context, parseJobId(options.id))),
  );

const abortJob = async (context: CommandContext, id: string): Promise<number> => {
  const aborted = await context.client.abortJob(id);
  if (!aborted.ok) throw await explainAbortError(context, id, aborted.error);
  context.writeResult(aborted.value, () => renderOutcome(aborted.value));
  return EXIT.ok;
};

/** An older server without this request answers 404 or 405; it is detected by fetching the job. */
const explainAbortError = async (
  { client }: CommandContext,
  id: string,
  error: ApiError,
): Promise<AppError> => {
  const mayBeUnsupported = error.status === 404 || error.status === 405;
  const job = mayBeUnsupported ? await client.getJob(id) : undefined;
  if (job?.ok !== true) return error;
  return new AppError(
    'abort_unsupported',
    `the server is too old to abort jobs; job ${id} is ${job.value.status}. ${error.message}`,
  );
};
