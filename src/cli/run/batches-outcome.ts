import type { NodeStatus } from '../../shared/protocol/job-status.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';
import { renderNodeCounts } from '../output/render-job.js';
import { printable } from '../output/printable.js';

/** How a job in batches ended. */
export interface BatchesOutcome {
  /** One for each batch that was run to its end, in order. */
  readonly jobs: readonly Job[];
  readonly batchCount: number;
  /** Why no further batch was started; undefined where all had their turn. */
  readonly stopped: string | undefined;
  /** Id of the job that was left running. */
  readonly running: string | undefined;
  readonly notStarted: readonly string[];
}

/** The outcome as a document for programs. */
export const documentOfBatches = ({ jobs, stopped, running, notStarted }: BatchesOutcome): object => ({
  outcome: stopped === undefined ? 'finished' : 'stopped',
  ...(stopped === undefined ? {} : { reason: stopped }),
  ...(running === undefined ? {} : { running }),
  jobs,
  not_started: notStarted,
});

/** The outcome as lines for a person: all batches taken together. */
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
  const [sentence = '', ...lists] = jobs.length === 0 ? [] : renderNodeCounts({ nodes });
  return [
    `${title} ${sentence}`.trimEnd(),
    ...lists,
    ...(notStarted.length === 0 ? [] : [`  not started: ${notStarted.map(printable).join(', ')}`]),
    ...jobs.map(({ id, status }, index) => `Batch ${index + 1}: job ${printable(id)}, ${status}`),
    ...(running === undefined
      ? []
      : [`Batch ${jobs.length + 1}: job ${printable(running)}, was not over when last seen`]),
  ];
};
