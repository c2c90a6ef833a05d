/** Job statuses and their numbers in the database. See docs/spec/job-lifecycle.md, "States". */
export const JOB_STATUS_CODES = {
  voting: 0,
  running: 1,
  complete: 2,
  quorum_failed: 3,
  aborted: 4,
  new: 5,
  timed_out: 6,
  crashed: 7,
} as const;

export type JobStatus = keyof typeof JOB_STATUS_CODES;

/** Statuses of a job node and their numbers in the database; 8 (`faulty`) occurs in old rows only. */
export const NODE_STATUS_CODES = {
  new: 0,
  ready: 1,
  running: 2,
  succeeded: 3,
  failed: 4,
  aborted: 5,
  unavailable: 6,
  nacked: 7,
  faulty: 8,
  was_ready: 9,
  crashed: 10,
  timed_out: 11,
} as const;

export type NodeStatus = keyof typeof NODE_STATUS_CODES;

/** A job with one of these statuses has not ended. */
export const LIVE_JOB_STATUSES: readonly JobStatus[] = ['new', 'voting', 'running'];

/** Whether a job has ended. */
export const isJobOver = (status: JobStatus): boolean => !LIVE_JOB_STATUSES.includes(status);

/** Whether a job node has ended; its status never changes again. */
export const isNodeDone = (status: NodeStatus): boolean =>
  status !== 'new' && status !== 'ready' && status !== 'running';

const inverse = <Name extends string>(codes: Record<Name, number>): ReadonlyMap<number, Name> =>
  new Map((Object.entries(codes) as [Name, number][]).map(([name, code]) => [code, name]));

const jobStatusByCode = inverse(JOB_STATUS_CODES);
const nodeStatusByCode = inverse(NODE_STATUS_CODES);

/** The job status of a number in the database. Throws for an unknown number, which is a bug or a broken row. */
export const jobStatusOf = (code: number): JobStatus => {
  const status = jobStatusByCode.get(code);
  if (status === undefined) throw new RangeError(`no job status has the number ${code}`);
  return status;
};

/** The node status of a number in the database. Throws for an unknown number. */
export const nodeStatusOf = (code: number): NodeStatus => {
  const status = nodeStatusByCode.get(code);
  if (status === undefined) throw new RangeError(`no node status has the number ${code}`);
  return status;
};
