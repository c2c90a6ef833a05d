import type { FeedEvent } from '../../shared/protocol/feed-event.js';
import type { JobStatus, NodeStatus } from '../../shared/protocol/job-status.js';

/** A result that came after its job node had ended because its node was silent. */
export interface LateResult {
  readonly status: 'succeeded' | 'failed';
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly exitCode?: number;
  readonly signal?: string;
}

/** What is known beyond the status, most of it from our own client. A missing member leaves the stored value unchanged. */
export interface NodeDetails {
  readonly exitCode?: number;
  readonly signal?: string;
  readonly durationMs?: number;
  readonly reason?: string;
  /** When the job node ended because its node was silent, milliseconds since 1970. The node may still run the command. */
  readonly lostContactAt?: number;
}

/** A job node's status changed. All times in this file are milliseconds since 1970. */
export interface NodeStatusWrite extends NodeDetails {
  readonly kind: 'node_status';
  readonly orgId: string;
  readonly jobId: string;
  readonly node: string;
  readonly status: NodeStatus;
  readonly at: number;
  /** When the node voted yes, and when it started the command. A missing time leaves the stored value unchanged. */
  readonly readyAt?: number;
  readonly runningAt?: number;
  /** Stored with an unchanged status; then `at` is not stored. */
  readonly lateResult?: LateResult;
}

/** A job's status changed. A missing deadline leaves the stored value unchanged. */
export interface JobStatusWrite {
  readonly kind: 'job_status';
  readonly orgId: string;
  readonly jobId: string;
  readonly status: JobStatus;
  readonly at: number;
  readonly votingDeadline?: number;
  readonly runDeadline?: number;
}

/**
 * The statement that stores this job got no reply: it may have run, may run later, or may never run. In each case the
 * job is stored as crashed, so that no restart takes it for a live job.
 */
export interface UnconfirmedJobWrite {
  readonly kind: 'unconfirmed_job';
  readonly jobId: string;
  readonly orgId: string;
  readonly command: string;
  /** Seconds. */
  readonly runTimeout: number;
  readonly quorum: number;
  readonly createdBy: string;
  readonly createdAt: number;
}

/** The output of a node's command, byte for byte. */
export interface OutputWrite {
  readonly kind: 'output';
  readonly orgId: string;
  readonly jobId: string;
  readonly node: string;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Maximum events per row; keeps rows small for jobs on very many nodes. */
export const EVENTS_PER_ROW = 1_000;

/** Events of a live job's feed, at most EVENTS_PER_ROW; the first one is `job-<firstSeq>`. */
export interface JobEventsWrite {
  readonly kind: 'job_events';
  readonly orgId: string;
  readonly jobId: string;
  readonly firstSeq: number;
  readonly events: readonly FeedEvent[];
}

/** A job was evicted from memory, so its stored events are no longer needed. */
export interface DeleteEventsWrite {
  readonly kind: 'delete_events';
  readonly orgId: string;
  readonly jobId: string;
}

/** One event of an organization's feed, `org-<seq>`. */
export interface OrgEventWrite {
  readonly kind: 'org_event';
  readonly orgId: string;
  readonly seq: number;
  readonly at: number;
  readonly event: FeedEvent;
}

/** The server heard a node; `incarnation` is the client process that it heard. */
export interface NodeSeenWrite {
  readonly kind: 'node_seen';
  readonly orgId: string;
  readonly node: string;
  /** The client's incarnation id. */
  readonly incarnation: string;
  readonly at: number;
}

export type Write =
  | NodeStatusWrite
  | JobStatusWrite
  | UnconfirmedJobWrite
  | OutputWrite
  | JobEventsWrite
  | DeleteEventsWrite
  | OrgEventWrite
  | NodeSeenWrite;

/** The state of the writer, for health and metrics. */
export interface WriterState {
  readonly mode: 'idle' | 'gathering' | 'writing' | 'waiting' | 'closed';
  /** Writes in memory that are not stored yet. */
  readonly writes: number;
  /** Approximate memory that these writes take. */
  readonly bytes: number;
  /** Writes dropped since the start, because their data is bad or because too much output was queued. */
  readonly dropped: number;
}

/** Stores changes in the order of `push`, many per statement. While the database is unavailable it queues and retries. */
export abstract class BatchWriter {
  /** Queues a change. */
  abstract push(write: Write): void;
  /**
   * Resolves when every write pushed before this call is stored durably or was dropped as bad data; waits while the
   * database is unavailable. Does not wait for deletions of events. Rejects with an AppError if the writer is closed
   * before that.
   */
  abstract flush(): Promise<void>;
  /** Whether the queue is so long that the server should accept no new work. */
  abstract readonly overloaded: boolean;
  abstract readonly state: WriterState;
  /** Stores the queued writes for at most `timeoutMs`, then closes. Resolves with the number of writes that were lost. */
  abstract drain(timeoutMs: number): Promise<number>;
}
