import type { Cursor } from '../../shared/lib/durable-log.js';
import type { FeedEvent, JobEvent } from '../../shared/protocol/feed-event.js';
import type { JobStatus } from '../../shared/protocol/job-status.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';

/** Told of what an organization's feed shows. */
export interface JobObserver {
  /** A job began or ended; `atMicros` is microseconds since 1970. */
  jobEvent(orgId: string, jobId: string, event: JobEvent, atMicros: number): void;
}

/** A piece of what a node's command writes while it runs. */
export interface NodeOutput {
  readonly node: string;
  readonly stream: 'stdout' | 'stderr';
  /** From 1, per node, over both streams. */
  readonly chunk: number;
  /** Base64. */
  readonly data: string;
  /** Bytes that the node let go before this chunk. */
  readonly skipped: number;
  /** The number of the job's latest event when it came. */
  readonly afterEvent: number;
}

/** Watches what the nodes of a job write. */
export interface OutputWatcher {
  /** For how many readers it watches. */
  readonly readers: number;
  output(output: NodeOutput): void;
}

/** What became of output that came from nodes: it was handed on, or dropped for a reason. */
export type OutputOutcome = 'taken' | 'not_running' | 'unwanted' | 'repeated';

export interface JobTally {
  readonly live: ReadonlyMap<JobStatus, number>;
  readonly ended: ReadonlyMap<JobStatus, number>;
  readonly output: ReadonlyMap<OutputOutcome, number>;
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
  /**
   * Has the nodes of a job send what their commands write while they run, and hands it to the watcher, until the
   * function that it returns is called. One watcher for a job. Undefined where there is nothing to watch: no such job
   * goes on, or it captures no output.
   */
  watchOutput(orgId: string, jobId: string, watcher: OutputWatcher): (() => void) | undefined;
  /** The ids of the jobs that have not ended. */
  ids(): string[];
  /** How many jobs go on now, by status, and how many have ended, and pieces of output come, since the server started. */
  tally(): JobTally;
}

/** Under this token jobs are looked up. */
export const JOB_LOOKUP = Symbol('JOB_LOOKUP');

/** Looks a job up as users see it. */
export interface JobLookup {
  find(orgId: string, jobId: string, includeFile: boolean): Promise<Job | undefined>;
}
