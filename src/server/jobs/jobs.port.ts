import type { Cursor } from '../../shared/lib/durable-log.js';
import type { FeedEvent, JobEvent } from '../../shared/protocol/feed-event.js';
import type { JobStatus } from '../../shared/protocol/job-status.js';
import type { Job } from '../../shared/protocol/rest-schemas.js';

/** Receives the events that organization feeds show. */
export interface JobObserver {
  /** A job started or ended; `atMicros` is microseconds since 1970. */
  jobEvent(orgId: string, jobId: string, event: JobEvent, atMicros: number): void;
}

/** A chunk of live output of a node. */
export interface NodeOutput {
  readonly node: string;
  readonly stream: 'stdout' | 'stderr';
  /** Counts from 1 for each node, over both streams. */
  readonly chunk: number;
  /** Base64. */
  readonly data: string;
  /** Bytes that the node dropped before this chunk. */
  readonly skipped: number;
  /** The number of the job's latest event when the chunk arrived. */
  readonly afterEvent: number;
}

/** Receives the live output of a job. */
export interface OutputWatcher {
  /** How many readers it serves. */
  readonly readers: number;
  output(output: NodeOutput): void;
}

/** What the server did with a chunk of live output: it was forwarded (`taken`), or dropped for a reason. */
export type OutputOutcome = 'taken' | 'not_running' | 'unwanted' | 'repeated';

export interface JobTally {
  readonly live: ReadonlyMap<JobStatus, number>;
  readonly ended: ReadonlyMap<JobStatus, number>;
  readonly output: ReadonlyMap<OutputOutcome, number>;
}

/** The jobs in memory: the live ones, and those that have just ended. */
export abstract class LiveJobs {
  /** Registers the one observer. */
  abstract observe(observer: JobObserver): void;
  /**
   * Reads a job's events after `lastEventId` (all if it is missing or unknown) and those that follow; undefined if the
   * job is not in memory.
   */
  abstract follow(
    orgId: string,
    jobId: string,
    lastEventId: string | undefined,
  ): Cursor<FeedEvent> | undefined;
  /**
   * Asks the nodes of a job for live output and sends it to the watcher, until the returned function is called. A job
   * has one watcher. Undefined if the job is not live or captures no output.
   */
  abstract watchOutput(orgId: string, jobId: string, watcher: OutputWatcher): (() => void) | undefined;
  /** Returns the ids of the live jobs. */
  abstract ids(): string[];
  /** Counts the live jobs by status, and the jobs ended and chunks received since the server started. */
  abstract tally(): JobTally;
}

/** Finds a job in the form of the REST API. */
export abstract class JobLookup {
  abstract find(orgId: string, jobId: string, includeFile: boolean): Promise<Job | undefined>;
}
