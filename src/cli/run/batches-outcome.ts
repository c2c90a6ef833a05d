import type { NodeStatus } from '../../shared/protocol/job-status.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';
import { renderNodeCounts } from '../output/render-job.js';
import { printable } from '../output/printable.js';

/** The outcome of a run in batches. */
export interface BatchesOutcome {
  /** The ended jobs, one per batch, in order. */
  readonly jobs: readonly Job[];
  readonly batchCount: number;
  /** Why no further batch was started; undefined if all batches were run. */
  readonly stopped: string | undefined;
  /** ID of a started job whose end is unknown. */
  readonly running: string | undefined;
  readonly notStarted: readonly string[];
}

/** Returns the outcome as a document for programs. */
export const toBatchesDocument = ({ jobs, stopped, running, notStarted }: BatchesOutcome): object => ({
  outcome: stopped === undefined ? 'finished' : 'stopped',
  ...(stopped === undefined ? {} : { reason: stopped }),
  ...(running === undefined ? {} : { running }),
  jobs,
  not_started: notStarted,
});

/** Renders the outcome of all batches together. */
export const renderBatches = (outcome: BatchesOutcome): string[] => {
  const { jobs, batchCount, stopped, running, notStarted } = outcome;
  const title =
    stopped === undefined
      ? `All ${batchCount} batches are done.`
      : `Stopped after batch ${jobs.length} of ${batchCount}: ${printable(stopped)}.`;
  const nodes: Partial<Record<NodeStatus, string[]>> = {};
  for (const job of jobs) {
    for (const [status, names] of Object.entries(job.nodes) as [NodeStatus, string[]][])
      nodes[status] = [...(nodes[status] ?? []), ...names];
  }
  const [counts = '', ...lists] = jobs.length === 0 ? [] : renderNodeCounts({ nodes });
  return [
    `${title} ${counts}`.trimEnd(),
    ...lists,
    ...(notStarted.length === 0 ? [] : [`  not started: ${notStarted.map(printable).join(', ')}`]),
    ...jobs.map(({ id, status }, index) => `Batch ${index + 1}: job ${printable(id)}, ${status}`),
    ...(running === undefined
      ? []
      : [`Batch ${jobs.length + 1}: job ${printable(running)}, not over when last seen`]),
  ];
};
