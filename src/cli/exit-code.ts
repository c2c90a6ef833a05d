import type { Job } from '../shared/protocol/rest-schemas.js';
import { type NodeStatus, NODE_STATUS_CODES } from '../shared/protocol/job-status.js';

/** What the program tells its caller when it ends. */
export const EXIT = {
  ok: 0,
  /** The job or the request failed, or something that it needs is missing. */
  failed: 1,
  /** The command line was not understood. */
  usage: 2,
  /** Ctrl-C while it waited for a job, which goes on, or for the answer whether one was started. */
  interrupted: 130,
  /** Nobody reads on what it writes; other programs are ended by SIGPIPE then. How a job ended is not known. */
  unread: 141,
} as const;

/** A node that did not take part is no failure: the quorum says how many have to. */
const GOOD_NODE_STATUSES: readonly NodeStatus[] = ['succeeded', 'nacked', 'unavailable'];

const BAD_NODE_STATUSES = (Object.keys(NODE_STATUS_CODES) as NodeStatus[]).filter(
  (status) => !GOOD_NODE_STATUSES.includes(status),
);

/** How many nodes of a job that is over took part and did not succeed. */
export const failureCount = ({ nodes }: Pick<Job, 'nodes'>): number =>
  BAD_NODE_STATUSES.reduce((count, status) => count + (nodes[status]?.length ?? 0), 0);

/** Knife's rule: good is a job that is complete, with no node that took part and did not succeed. */
export const exitCodeOf = (job: Job): number =>
  job.status === 'complete' && failureCount(job) === 0 ? EXIT.ok : EXIT.failed;
