import type { JobRequest } from '../../shared/protocol/job-request.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { withInterruptSignal } from '../interrupt.js';
import { parseQuorum } from '../job-options/quorum.js';
import { printable } from '../output/printable.js';
import { runBatches, type StartJobOn } from './run-batches.js';
import type { RunPlan } from './run-plan.js';
import { startJob } from './start-job.js';
import { watchJob } from './watch-job.js';

/** The fields of a job request that do not depend on its nodes. */
export type JobFields = Omit<JobRequest, 'nodes' | 'quorum'>;

/** Runs a job on the nodes as planned, on all at once or in batches; resolves to the exit code. */
export const runJob = async (
  context: CommandContext,
  fields: JobFields,
  nodes: readonly string[],
  plan: RunPlan,
): Promise<number> => {
  const jobFields: JobFields = plan.output === 'none' ? fields : { ...fields, capture_output: true };
  return withInterruptSignal(context.environment, (signal) => {
    const start: StartJobOn = (jobNodes, quorum) =>
      startJob(context, { ...jobFields, nodes: jobNodes, quorum }, signal);
    return plan.batches === undefined
      ? runOnAllNodes(context, plan, nodes, start, signal)
      : runBatches(context, plan, plan.batches, nodes, start, signal);
  });
};

const runOnAllNodes = async (
  context: CommandContext,
  plan: RunPlan,
  nodes: readonly string[],
  start: StartJobOn,
  signal: AbortSignal,
): Promise<number> => {
  const started = await start(nodes, parseQuorum(plan.quorum, nodes.length));
  if (plan.waitsForEnd) return watchJob(context, started.id, plan, signal);
  if (context.options.format !== 'summary') context.writeResult(started, () => []);
  else if (context.options.quiet) context.writeResult(started, () => [printable(started.id)]);
  return EXIT.ok;
};
