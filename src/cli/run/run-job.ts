import type { JobRequest } from '../../shared/protocol/rest-schemas.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { untilInterrupt } from '../interrupt.js';
import { readQuorum } from '../job-options/quorum.js';
import { printable } from '../output/printable.js';
import { runBatches, type StartSome } from './run-batches.js';
import type { RunPlan } from './run-plan.js';
import { startJob } from './start-job.js';
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
  return untilInterrupt(context.environment, (signal) => {
    const start: StartSome = (some, quorum) => startJob(context, { ...asked, nodes: some, quorum }, signal);
    return plan.rolling === undefined
      ? runAtOnce(context, plan, nodes, start, signal)
      : runBatches(context, plan, plan.rolling, nodes, start, signal);
  });
};

const runAtOnce = async (
  context: CommandContext,
  plan: RunPlan,
  nodes: readonly string[],
  start: StartSome,
  signal: AbortSignal,
): Promise<number> => {
  const started = await start(nodes, readQuorum(plan.quorum, nodes.length));
  if (plan.waits) return watchJob(context, started.id, plan, signal);
  if (context.options.format !== 'summary') context.writeResult(started, () => []);
  else if (context.options.quiet) context.writeResult(started, () => [printable(started.id)]);
  return EXIT.ok;
};
