import { ApiError } from '../../shared/api-client/api-error.js';
import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import type { JobFeedEvent } from '../../shared/protocol/feed-event-schema.js';
import { isJobOver } from '../../shared/protocol/job-status.js';
import { type JobOutputEvent, OUTPUT_EVENT } from '../../shared/protocol/output-event.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';
import { pause } from '../interrupt.js';
import { JobProgress } from './job-progress.js';

/** Which job to follow, and the callbacks for its progress. */
export interface FollowOptions {
  readonly client: Pick<PushJobsClient, 'jobFeed' | 'getJob'>;
  readonly jobId: string;
  /** Interval between polls if the job feed is not available. */
  readonly pollIntervalMs: number;
  /** Called after each change, always with the same object. */
  readonly onProgress: (progress: JobProgress) => void;
  /** Called for each feed event before `onProgress`. If it is set, the feed includes live output. */
  readonly onEvent?: ((event: JobFeedEvent | JobOutputEvent) => void) | undefined;
  /** Stops following; the job continues. */
  readonly signal: AbortSignal;
}

/** Consecutive failed attempts to read the feed before the job is polled. */
const MAX_FEED_ATTEMPTS = 3;
/** Consecutive polls that may fail; with backoff they take about a minute. */
const MAX_FAILED_POLLS = 10;
const MAX_POLL_DELAY_MS = 10_000;

/**
 * Waits until a job is over and returns it; returns undefined if `signal` is aborted. Reads the job feed, and polls the
 * job if the feed fails. With `onEvent` it resumes a lost feed when the server responds again, because only the feed
 * carries live output. Throws an ApiError if the server rejects the requests or stays unreachable.
 */
export const followJob = async (options: FollowOptions): Promise<Job | undefined> => {
  const state: FollowState = { ...options, progress: new JobProgress(), lastEventId: undefined };
  for (;;) {
    const isLost = await readFeed(state);
    const resumesFeed = isLost && options.onEvent !== undefined && state.lastEventId !== undefined;
    const job = await pollUntilOver(state, resumesFeed);
    if (job !== 'resume_feed') return job;
  }
};

interface FollowState extends FollowOptions {
  readonly progress: JobProgress;
  lastEventId: string | undefined;
}

/** Reads the feed to its end; returns whether the feed was lost before its end. */
const readFeed = async (state: FollowState): Promise<boolean> => {
  const { client, jobId, onEvent, onProgress, signal, progress, lastEventId } = state;
  const feedOptions = {
    signal,
    maxAttempts: MAX_FEED_ATTEMPTS,
    output: onEvent !== undefined,
    ...(lastEventId !== undefined && { lastEventId }),
  };
  try {
    for await (const event of client.jobFeed(jobId, feedOptions)) {
      onEvent?.(event);
      if (event.name === OUTPUT_EVENT.open || event.name === OUTPUT_EVENT.output) continue;
      state.lastEventId = event.id;
      progress.applyEvent(event);
      onProgress(progress);
    }
    return false;
  } catch (thrown) {
    if (!(thrown instanceof ApiError)) throw thrown;
    return thrown.isTransient; // if the server rejects the job too, polling throws that error
  }
};

const pollUntilOver = async (
  { client, jobId, pollIntervalMs, onProgress, signal, progress }: FollowState,
  resumesFeed: boolean,
): Promise<Job | 'resume_feed' | undefined> => {
  let failures = 0;
  while (!signal.aborted) {
    const job = await client.getJob(jobId, { signal });
    if (job.ok) {
      failures = 0;
      progress.applyJob(job.value);
      onProgress(progress);
      if (isJobOver(job.value.status)) return job.value;
      if (resumesFeed) return 'resume_feed';
    } else if (isAborted(signal)) {
      return undefined;
    } else if (!job.error.isTransient || ++failures > MAX_FAILED_POLLS) {
      throw job.error;
    }
    const delayMs =
      failures === 0 ? pollIntervalMs : Math.min(MAX_POLL_DELAY_MS, pollIntervalMs * 2 ** failures);
    await pause(delayMs, signal);
  }
  return undefined;
};

/** A function, because the compiler assumes that `signal.aborted` does not change within the loop body. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;
