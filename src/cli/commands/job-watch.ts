import type { ChooseCommand } from '../command-context.js';
import type { GlobalArgv } from '../global-options.js';
import { withInterruptSignal } from '../interrupt.js';
import { parseJobId } from '../job-id.js';
import { parseSeconds } from '../job-options/number-option.js';
import { parseOutputMode } from '../run/run-plan.js';
import { addFollowOptions } from '../run-options.js';
import { watchJob } from '../run/watch-job.js';

/** Declares `job watch`. */
export const addJobWatch = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'watch <id>',
    'Follow a job to its end; exit codes as for job start',
    (builder) =>
      addFollowOptions(builder).positional('id', {
        type: 'string',
        demandOption: true,
        describe: 'ID of the job',
      }),
    (options) =>
      choose(options, (context) => {
        const id = parseJobId(options.id);
        const watch = {
          pollIntervalMs: parseSeconds('--poll-interval', options.pollInterval),
          output: parseOutputMode(options),
        };
        return withInterruptSignal(context.environment, (signal) => watchJob(context, id, watch, signal));
      }),
  );
