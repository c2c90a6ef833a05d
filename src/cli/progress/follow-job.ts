import { ApiError } from '../../api-client/api-error.js';
import type { PushJobsClient } from '../../api-client/push-jobs-client.js';
import { isJobOver } from '../../protocol/job-status.js';
import type { Job } from '../../protocol/rest-shapes.js';
import { pause } from '../pause.js';
import { JobProgress } from './job-progress.js';

/** Which job to follow, and who wants to know. */
export interface FollowOptions {
  readonly client: Pick<PushJobsClient, 'jobFeed' | 'getJob'>;
  readonly jobId: string;
  /** Milliseconds between two looks at the job, where its feed cannot be had. */
  readonly pollIntervalMs: number;
  /** Told of each step; it is the same object every time. */
  readonly onProgress: (progress: JobProgress) => void;
  /** Ends the waiting; the job goes on. */
  readonly signal: AbortSignal;
}

/** Attempts at the feed in a row before the job is polled. */
const FEED_ATTEMPTS = 3;
/** Polls in a row that may fail, with growing waits between them: a good minute. */
const MAX_FAILED_POLLS = 10;
const LONGEST_WAIT_MS = 10_000;

/**
 * Waits until a job is over, and gives it as it ended; undefined where `signal` ended the waiting. It reads the job's
 * feed, and polls where that cannot be had. Throws an ApiError where the server refuses, or is lost for long.
 */
export const followJob = async (options: FollowOptions): Promise<Job | undefined> => {
  const { client, jobId, onProgress, signal } = options;
  const progress = new JobProgress();
  try {
    for await (const event of client.jobFeed(jobId, { signal, maxAttempts: FEED_ATTEMPTS })) {
      progress.apply(event);
      onProgress(progress);
    }
  } catch (thrown) {
    if (!(thrown instanceof ApiError)) throw thrown; // else polling goes on, or meets the same refusal
  }
  return pollUntilOver(options, progress);
};

const pollUntilOver = async (
  { client, jobId, pollIntervalMs, onProgress, signal }: FollowOptions,
  progress: JobProgress,
): Promise<Job | undefined> => {
  let failures = 0;
  while (!signal.aborted) {
    const job = await client.getJob(jobId, { signal });
    if (job.ok) {
      failures = 0;
      progress.take(job.value);
      onProgress(progress);
      if (isJobOver(job.value.status)) return job.value;
    } else if (isAborted(signal)) {
      return undefined;
    } else if (!job.error.isPassing || ++failures > MAX_FAILED_POLLS) {
      throw job.error;
    }
    const wait = failures === 0 ? pollIntervalMs : Math.min(LONGEST_WAIT_MS, pollIntervalMs * 2 ** failures);
    await pause(wait, signal);
  }
  return undefined;
};

/** A function, because a signal changes behind the back of the control flow that the compiler sees. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;
