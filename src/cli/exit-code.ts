import type { Job } from '../shared/protocol/rest-schemas.js';
import { type NodeStatus, NODE_STATUS_CODES } from '../shared/protocol/job-status.js';

/** The exit codes of the program. */
export const EXIT = {
  ok: 0,
  /** The job or the request failed, or something that it needs is missing. */
  failed: 1,
  /** The command line is invalid. */
  usage: 2,
  /** Ctrl-C while the program waited for a job, which continues, or for the response to its start. */
  interrupted: 130,
  /** The reader of the output closed it; 128 + SIGPIPE. The outcome of the job is unknown. */
  brokenPipe: 141,
} as const;

/** A node that did not take part is not a failure: the quorum says how many nodes must. */
const SUCCESS_STATUSES: readonly NodeStatus[] = ['succeeded', 'nacked', 'unavailable'];

const FAILURE_STATUSES = (Object.keys(NODE_STATUS_CODES) as NodeStatus[]).filter(
  (status) => !SUCCESS_STATUSES.includes(status),
);

/** Counts the nodes of an ended job that took part and did not succeed. */
export const countFailedNodes = ({ nodes }: Pick<Job, 'nodes'>): number =>
  FAILURE_STATUSES.reduce((count, status) => count + (nodes[status]?.length ?? 0), 0);

/**
 * Returns `EXIT.ok` if the job is complete and no node that took part failed, as knife does. See
 * docs/spec/workstation.md.
 */
export const exitCodeForJob = (job: Job): number =>
  job.status === 'complete' && countFailedNodes(job) === 0 ? EXIT.ok : EXIT.failed;
