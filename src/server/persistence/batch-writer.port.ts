import type { FeedEvent } from '../../shared/protocol/feed-event.js';
import type { JobStatus, NodeStatus } from '../../shared/protocol/job-status.js';

/** What our own client tells beyond the bare status; a member that is left out stays as it is stored. */
export interface NodeDetails {
  readonly exitCode?: number;
  readonly signal?: string;
  readonly durationMs?: number;
  readonly reason?: string;
}

/** A node's status within a job changed; `at` is milliseconds since 1970, as all times here. */
export interface NodeStatusWrite extends NodeDetails {
  readonly kind: 'node_status';
  readonly orgId: string;
  readonly jobId: string;
  readonly node: string;
  readonly status: NodeStatus;
  readonly at: number;
  /** When the node voted yes, and when it began to run; left out they stay as they are stored. */
  readonly readyAt?: number;
  readonly runningAt?: number;
}

/** A job's status changed; a deadline that is left out stays as it is stored. */
export interface JobStatusWrite {
  readonly kind: 'job_status';
  readonly jobId: string;
  readonly status: JobStatus;
  readonly at: number;
  readonly votingDeadline?: number;
  readonly runDeadline?: number;
}

/**
 * No answer came when this job was to be stored. Whether it is, never was, or will be in a moment: it crashed, nobody is
 * to take it for one that goes on.
 */
export interface UnansweredJobWrite {
  readonly kind: 'unanswered_job';
  readonly jobId: string;
  readonly orgId: string;
  readonly command: string;
  /** Seconds. */
  readonly runTimeout: number;
  readonly quorum: number;
  readonly createdBy: string;
  readonly createdAt: number;
}

/** What a node's command wrote, byte for byte. */
export interface OutputWrite {
  readonly kind: 'output';
  readonly jobId: string;
  readonly node: string;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** So many events go into one row at the most: rows stay small, also for a job on very many nodes. */
export const EVENTS_PER_ROW = 1_000;

/** Events of a live job's feed, EVENTS_PER_ROW at the most; the first of them is `job-<firstSeq>`. */
export interface JobEventsWrite {
  readonly kind: 'job_events';
  readonly jobId: string;
  readonly firstSeq: number;
  readonly events: readonly FeedEvent[];
}

/** A job has left memory: its stored events are not needed any more. */
export interface ForgetEventsWrite {
  readonly kind: 'forget_events';
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

/** A node was heard, and is this client process now. */
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
  | UnansweredJobWrite
  | OutputWrite
  | JobEventsWrite
  | ForgetEventsWrite
  | OrgEventWrite
  | NodeSeenWrite;

/** How the writer is doing, for health and metrics. */
export interface WriterState {
  readonly mode: 'idle' | 'gathering' | 'writing' | 'waiting' | 'closed';
  /** What is held in memory and not yet stored. */
  readonly writes: number;
  readonly bytes: number;
  /** Writes that were given up since the start: bad data, or more output than memory may hold. */
  readonly dropped: number;
}

/** Under this token the batching writer is injected. */
export const BATCH_WRITER = Symbol('BATCH_WRITER');

/** Stores changes in the order in which they were pushed, many at a time; survives a database that is away. */
export interface BatchWriter {
  /** Takes a change over; returns at once. */
  push(write: Write): void;
  /**
   * Resolves when all that was pushed before this call is stored durably (or was given up as bad data), but for events
   * that are to be forgotten: nobody has to wait for that. While the database is away it waits. Rejects with an AppError
   * where the writer was closed before that.
   */
  flushed(): Promise<void>;
  /** Whether so much is held that no new work should be taken on. */
  readonly overloaded: boolean;
  readonly state: WriterState;
  /** Stores what is held, for at most so many milliseconds, and closes; hands back how many writes were lost. */
  drain(timeoutMs: number): Promise<number>;
}
