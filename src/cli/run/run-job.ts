import type { StartedJob } from '../../api-client/push-jobs-client.js';
import type { JobRequest } from '../../protocol/rest-shapes.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { readQuorum } from '../job-options/quorum.js';
import { printable } from '../output/printable.js';
import { unwrap } from '../unwrap.js';
import { runBatches } from './run-batches.js';
import type { RunPlan } from './run-plan.js';
import { watchJob } from './watch-job.js';

/** What a job does, whichever nodes it runs on. */
export type JobFields = Omit<JobRequest, 'nodes' | 'quorum'>;

/** Runs a job on these nodes as the plan says, all at once or in batches; gives the exit code. */
export const runJob = async (
  context: CommandContext,
  fields: JobFields,
  nodes: readonly string[],
  plan: RunPlan,
): Promise<number> => {
  const asked: JobFields = plan.output === 'none' ? fields : { ...fields, capture_output: true };
  const start = (some: readonly string[], quorum: number): Promise<StartedJob> =>
    startJob(context, { ...asked, nodes: some, quorum });
  if (plan.rolling !== undefined) return runBatches(context, plan, plan.rolling, nodes, start);

  const started = await start(nodes, readQuorum(plan.quorum, nodes.length));
  if (plan.waits) return watchJob(context, started.id, plan);
  if (context.options.format !== 'summary') context.writeResult(started, () => []);
  else if (context.options.quiet) context.writeResult(started, () => [printable(started.id)]);
  return EXIT.ok;
};

const startJob = async (context: CommandContext, request: JobRequest): Promise<StartedJob> => {
  const started = unwrap(await context.client.startJob(request));
  context.tell(`Started.  Job ID: ${printable(started.id)}`);
  return started;
};
