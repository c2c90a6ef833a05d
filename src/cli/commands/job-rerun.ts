import { AppError } from '../../shared/lib/app-error.js';
import { isJobOver } from '../../shared/protocol/job-status.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';
import type { ChooseCommand, CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { parseJobId } from '../job-id.js';
import { nodesByStatus, renderOutcome } from '../output/render-job.js';
import { addRunOptions } from '../run-options.js';
import { parseRunPlan, type RunPlan } from '../run/run-plan.js';
import { type JobFields, runJob } from '../run/run-job.js';
import { unwrap } from '../unwrap.js';

/** Declares `job rerun`. */
export const addJobRerun = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'rerun <id>',
    'Run a job again on the nodes that did not succeed; exit codes as for job start',
    (builder) =>
      addRunOptions(builder)
        .positional('id', { type: 'string', demandOption: true, describe: 'ID of the job' })
        .epilogue('Command, timeout, environment, user, folder, file and capture are taken from that job.'),
    (options) =>
      choose(options, (context) => rerunJob(context, parseJobId(options.id), parseRunPlan(options))),
  );

const rerunJob = async (context: CommandContext, id: string, plan: RunPlan): Promise<number> => {
  const job = unwrap(await context.client.getJob(id, { includeFile: true }));
  if (!isJobOver(job.status)) {
    throw new AppError(
      'job_not_over',
      `job ${id} is ${job.status}: wait for its end (job watch) or abort it (job abort), then run it again`,
    );
  }
  const nodes = nodesByStatus(job)
    .filter(([status]) => status !== 'succeeded')
    .flatMap(([, names]) => names)
    .sort();
  if (nodes.length > 0) return runJob(context, toJobFields(job), nodes, plan);
  context.report('There is nothing to run again.');
  context.writeResult(job, () => renderOutcome(job));
  return EXIT.ok;
};

const toJobFields = (job: Job): JobFields => {
  const { command, run_timeout, user, dir, env, file, capture_output } = job;
  if (job.file_specified === true && file === undefined) {
    throw new AppError(
      'no_file',
      `the server does not return the file of job ${job.id}; start a new job with --file`,
    );
  }
  return {
    command,
    run_timeout,
    ...(user === undefined ? {} : { user }),
    ...(dir === undefined ? {} : { dir }),
    ...(env === undefined ? {} : { env }),
    ...(file === undefined ? {} : { file }),
    ...(capture_output === undefined ? {} : { capture_output }),
  };
};
