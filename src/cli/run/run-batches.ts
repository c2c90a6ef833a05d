import { ApiError } from '../../shared/api-client/api-error.js';
import type { StartedJob } from '../../shared/api-client/push-jobs-client.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, exitCodeOf, failureCount } from '../exit-code.js';
import { readQuorum } from '../job-options/quorum.js';
import { plural, renderOutcome } from '../output/render-job.js';
import { pause } from '../pause.js';
import { type BatchesOutcome, documentOfBatches, renderBatches } from './batches-outcome.js';
import { cutIntoBatches } from './batch-size.js';
import type { RollingPlan, RunPlan } from './run-plan.js';
import { watchToEnd } from './watch-job.js';

/** Starts a job on some of the nodes; rejects with an ApiError where that is not done, or not known. */
export type StartSome = (nodes: readonly string[], quorum: number) => Promise<StartedJob>;

/**
 * Runs a job on the nodes batch by batch, each with a quorum of its own, until all had their turn or too much went
 * wrong; then shows one summary and gives the exit code. `signal` leaves the batch that is running as it is and starts no
 * further one.
 */
export const runBatches = async (
  context: CommandContext,
  plan: RunPlan,
  rolling: RollingPlan,
  nodes: readonly string[],
  start: StartSome,
  signal: AbortSignal,
): Promise<number> => {
  const batches = cutIntoBatches(nodes, rolling.size);
  const outcome = await runAll(context, plan, rolling, batches, start, signal);
  context.writeResult(documentOfBatches(outcome), () => renderBatches(outcome));
  if (signal.aborted) return EXIT.interrupted;
  const isGood = outcome.stopped === undefined && outcome.jobs.every((job) => exitCodeOf(job) === EXIT.ok);
  return isGood ? EXIT.ok : EXIT.failed;
};

const runAll = async (
  context: CommandContext,
  plan: RunPlan,
  rolling: RollingPlan,
  batches: readonly string[][],
  start: StartSome,
  signal: AbortSignal,
): Promise<BatchesOutcome> => {
  const jobs: Job[] = [];
  const stoppedBefore = (index: number, reason: string, running?: string): BatchesOutcome => ({
    jobs,
    batchCount: batches.length,
    stopped: reason,
    running,
    notStarted: batches.slice(index).flat(),
  });
  for (const [index, nodes] of batches.entries()) {
    if (index > 0 && !(await pause(rolling.waitMs, signal))) return stoppedBefore(index, 'Ctrl-C');
    context.tell(`Batch ${index + 1} of ${batches.length}: ${plural(nodes.length)}`);
    const quorum = Math.min(nodes.length, readQuorum(plan.quorum, nodes.length));
    let started: StartedJob | undefined;
    let job: Job | undefined;
    try {
      started = await start(nodes, quorum);
      job = await watchToEnd(context, started.id, plan, signal);
    } catch (thrown) {
      const isAllLost = index === 0 && started === undefined;
      if (!(thrown instanceof ApiError) || isAllLost) throw thrown;
      const mayHaveStarted = started !== undefined || thrown.isAnswerLost;
      return stoppedBefore(mayHaveStarted ? index + 1 : index, thrown.message, started?.id);
    }
    if (job === undefined) return stoppedBefore(index + 1, 'Ctrl-C', started.id);
    jobs.push(job);
    for (const line of renderOutcome(job)) context.tell(line);
    const reason = reasonToStop(jobs, job, rolling);
    if (reason !== undefined && index + 1 < batches.length) return stoppedBefore(index + 1, reason);
  }
  return { jobs, batchCount: batches.length, stopped: undefined, running: undefined, notStarted: [] };
};

const reasonToStop = (jobs: readonly Job[], last: Job, { maxFailures }: RollingPlan): string | undefined => {
  if (last.status === 'quorum_failed') return 'too few of its nodes were ready for the quorum';
  if (last.status === 'aborted') return 'its job was aborted';
  const failures = jobs.reduce((count, job) => count + failureCount(job), 0);
  return failures > maxFailures
    ? `${plural(failures)} failed, and --max-failures allows ${maxFailures}`
    : undefined;
};
