import { ApiError } from '../../shared/api-client/api-error.js';
import type { StartedJob } from '../../shared/api-client/push-jobs-client.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, exitCodeForJob, countFailedNodes } from '../exit-code.js';
import { parseQuorum } from '../job-options/quorum.js';
import { plural, renderOutcome } from '../output/render-job.js';
import { pause } from '../interrupt.js';
import { type BatchesOutcome, toBatchesDocument, renderBatches } from './batches-outcome.js';
import { splitIntoBatches } from './batch-size.js';
import type { BatchPlan, RunPlan } from './run-plan.js';
import { watchUntilOver } from './watch-job.js';

/** Starts a job on the given nodes; rejects with an ApiError if the job is not, or may not be, started. */
export type StartJobOn = (nodes: readonly string[], quorum: number) => Promise<StartedJob>;

/**
 * Runs a job on the nodes batch by batch, each batch with its own quorum, until all batches are run or one batch
 * forbids the next; prints one summary and resolves to the exit code. If `signal` is aborted, no further batch is
 * started and the running job continues.
 */
export const runBatches = async (
  context: CommandContext,
  plan: RunPlan,
  batchPlan: BatchPlan,
  nodes: readonly string[],
  start: StartJobOn,
  signal: AbortSignal,
): Promise<number> => {
  const batches = splitIntoBatches(nodes, batchPlan.size);
  const outcome = await runInOrder(context, plan, batchPlan, batches, start, signal);
  context.writeResult(toBatchesDocument(outcome), () => renderBatches(outcome));
  if (signal.aborted) return EXIT.interrupted;
  const isSuccess =
    outcome.stopped === undefined && outcome.jobs.every((job) => exitCodeForJob(job) === EXIT.ok);
  return isSuccess ? EXIT.ok : EXIT.failed;
};

const runInOrder = async (
  context: CommandContext,
  plan: RunPlan,
  batchPlan: BatchPlan,
  batches: readonly string[][],
  start: StartJobOn,
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
    if (index > 0 && !(await pause(batchPlan.waitMs, signal))) return stoppedBefore(index, 'Ctrl-C');
    context.report(`Batch ${index + 1} of ${batches.length}: ${plural(nodes.length)}`);
    const quorum = Math.min(nodes.length, parseQuorum(plan.quorum, nodes.length));
    let started: StartedJob | undefined;
    let job: Job | undefined;
    try {
      started = await start(nodes, quorum);
      job = await watchUntilOver(context, started.id, plan, signal);
    } catch (thrown) {
      const isFirstStart = index === 0 && started === undefined;
      if (!(thrown instanceof ApiError) || isFirstStart) throw thrown;
      const mayHaveStarted = started !== undefined || thrown.isResponseLost;
      return stoppedBefore(mayHaveStarted ? index + 1 : index, thrown.message, started?.id);
    }
    if (job === undefined) return stoppedBefore(index + 1, 'Ctrl-C', started.id);
    jobs.push(job);
    for (const line of renderOutcome(job)) context.report(line);
    const reason = reasonToStop(jobs, job, batchPlan);
    if (reason !== undefined && index + 1 < batches.length) return stoppedBefore(index + 1, reason);
  }
  return { jobs, batchCount: batches.length, stopped: undefined, running: undefined, notStarted: [] };
};

const reasonToStop = (jobs: readonly Job[], last: Job, { maxFailures }: BatchPlan): string | undefined => {
  if (last.status === 'quorum_failed') return 'too few of its nodes were ready for the quorum';
  if (last.status === 'aborted') return 'its job was aborted';
  const failures = jobs.reduce((count, job) => count + countFailedNodes(job), 0);
  return failures > maxFailures
    ? `${plural(failures)} failed, and --max-failures allows ${maxFailures}`
    : undefined;
};
