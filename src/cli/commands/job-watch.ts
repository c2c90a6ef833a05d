import type { ChooseCommand } from '../command.js';
import type { GlobalArgv } from '../global-options.js';
import { readJobId } from '../job-id.js';
import { readSeconds } from '../job-options/number-option.js';
import { watchJob } from '../watch-job.js';

/** Declares `job watch`. */
export const addJobWatch = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'watch <id>',
    'Follow a job to its end; exit codes as with job start',
    (builder) =>
      builder
        .positional('id', { type: 'string', demandOption: true, describe: 'Id of the job' })
        .option('poll-interval', {
          type: 'string',
          requiresArg: true,
          default: '1',
          describe: 'Seconds between lines of progress, and between questions where there is no feed',
        }),
    (options) =>
      choose(options, (context) =>
        watchJob(context, readJobId(options.id), readSeconds('--poll-interval', options.pollInterval)),
      ),
  );
