import type { FeedEvent, JobEvent } from '../protocol/feed-event.js';

/** Reads a feed; both calls return at once. */
export interface FeedReader {
  event(event: FeedEvent): void;
  /** The last event has come. */
  end(): void;
}

/** Told of what an organization's feed shows. */
export interface JobObserver {
  /** A job began or ended; `atMicros` is microseconds since 1970. */
  jobEvent(orgId: string, jobId: string, event: JobEvent, atMicros: number): void;
}

/** Under this token the live jobs are injected. */
export const LIVE_JOBS = Symbol('LIVE_JOBS');

/** The jobs that are in memory: those that go on, and those that have just ended. */
export interface LiveJobs {
  /** Registers the one observer. */
  observe(observer: JobObserver): void;
  /**
   * Hands a job's events to a reader: those after `lastEventId` (all where it is missing or unknown) at once, and
   * the rest as they come. Hands back how to stop; undefined where the job is not in memory.
   */
  follow(
    orgId: string,
    jobId: string,
    lastEventId: string | undefined,
    reader: FeedReader,
  ): (() => void) | undefined;
  /** The ids of the jobs that have not ended. */
  ids(): string[];
}
