import { ApiError } from '../../shared/api-client/api-error.js';
import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import type { JobFeedEvent } from '../../shared/protocol/feed-event-schema.js';
import { isJobOver } from '../../shared/protocol/job-status.js';
import { type JobOutputEvent, OUTPUT_EVENT } from '../../shared/protocol/output-event.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';
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
  /** Told of each event of the feed before that; with it the feed has output too. */
  readonly onEvent?: ((event: JobFeedEvent | JobOutputEvent) => void) | undefined;
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
 * feed, and polls where that cannot be had; where output is wanted, which comes by the feed alone, it goes back to a feed
 * that was lost as soon as the server answers again. Throws an ApiError where the server refuses, or is lost for long.
 */
export const followJob = async (options: FollowOptions): Promise<Job | undefined> => {
  const following: Following = { ...options, progress: new JobProgress(), lastEventId: undefined };
  for (;;) {
    const isLost = await readFeed(following);
    const goesBack = isLost && options.onEvent !== undefined && following.lastEventId !== undefined;
    const job = await pollUntilOver(following, goesBack);
    if (job !== 'answers again') return job;
  }
};

/** How far a job was followed. */
interface Following extends FollowOptions {
  readonly progress: JobProgress;
  lastEventId: string | undefined;
}

/** Reads the feed to its end; hands back whether it was lost before. */
const readFeed = async (following: Following): Promise<boolean> => {
  const { client, jobId, onEvent, onProgress, signal, progress, lastEventId } = following;
  const feedOptions = {
    signal,
    maxAttempts: FEED_ATTEMPTS,
    output: onEvent !== undefined,
    ...(lastEventId !== undefined && { lastEventId }),
  };
  try {
    for await (const event of client.jobFeed(jobId, feedOptions)) {
      onEvent?.(event);
      if (event.name === OUTPUT_EVENT.open || event.name === OUTPUT_EVENT.output) continue;
      following.lastEventId = event.id;
      progress.apply(event);
      onProgress(progress);
    }
    return false;
  } catch (thrown) {
    if (!(thrown instanceof ApiError)) throw thrown;
    return thrown.isPassing; // else polling goes on, or meets the same refusal
  }
};

const pollUntilOver = async (
  { client, jobId, pollIntervalMs, onProgress, signal, progress }: Following,
  goesBack: boolean,
): Promise<Job | 'answers again' | undefined> => {
  let failures = 0;
  while (!signal.aborted) {
    const job = await client.getJob(jobId, { signal });
    if (job.ok) {
      failures = 0;
      progress.take(job.value);
      onProgress(progress);
      if (isJobOver(job.value.status)) return job.value;
      if (goesBack) return 'answers again';
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
