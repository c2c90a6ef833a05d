import type { ChooseCommand } from '../command.js';
import type { GlobalArgv } from '../global-options.js';
import { untilInterrupt } from '../interrupt.js';
import { readJobId } from '../job-id.js';
import { readSeconds } from '../job-options/number-option.js';
import { addFollowOptions, readOutputMode } from '../run/run-plan.js';
import { watchJob } from '../run/watch-job.js';

/** Declares `job watch`. */
export const addJobWatch = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'watch <id>',
    'Follow a job to its end; exit codes as with job start',
    (builder) =>
      addFollowOptions(builder).positional('id', {
        type: 'string',
        demandOption: true,
        describe: 'Id of the job',
      }),
    (options) =>
      choose(options, (context) => {
        const id = readJobId(options.id);
        const watch = {
          pollIntervalMs: readSeconds('--poll-interval', options.pollInterval),
          output: readOutputMode(options),
        };
        return untilInterrupt(context.environment, (signal) => watchJob(context, id, watch, signal));
      }),
  );
