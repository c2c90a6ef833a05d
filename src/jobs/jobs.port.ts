import type { Cursor } from '../lib/durable-log.js';
import type { FeedEvent, JobEvent } from '../protocol/feed-event.js';
import type { JobStatus } from '../protocol/job-status.js';
import type { Job } from '../protocol/rest-shapes.js';

/** Told of what an organization's feed shows. */
export interface JobObserver {
  /** A job began or ended; `atMicros` is microseconds since 1970. */
  jobEvent(orgId: string, jobId: string, event: JobEvent, atMicros: number): void;
}

export interface JobTally {
  readonly live: ReadonlyMap<JobStatus, number>;
  readonly ended: ReadonlyMap<JobStatus, number>;
}

/** Under this token the live jobs are injected. */
export const LIVE_JOBS = Symbol('LIVE_JOBS');

/** The jobs that are in memory: those that go on, and those that have just ended. */
export interface LiveJobs {
  /** Registers the one observer. */
  observe(observer: JobObserver): void;
  /**
   * Reads a job's events after `lastEventId` (all where it is missing or unknown) and those that come; undefined where
   * the job is not in memory.
   */
  follow(orgId: string, jobId: string, lastEventId: string | undefined): Cursor<FeedEvent> | undefined;
  /** The ids of the jobs that have not ended. */
  ids(): string[];
  /** How many jobs go on now, by status, and how many have ended since the server started, by outcome. */
  tally(): JobTally;
}

/** Under this token jobs are looked up. */
export const JOB_LOOKUP = Symbol('JOB_LOOKUP');

/** Looks a job up as users see it. */
export interface JobLookup {
  find(orgId: string, jobId: string, includeFile: boolean): Promise<Job | undefined>;
}
