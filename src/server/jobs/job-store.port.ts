import { setTimeout as sleep } from 'node:timers/promises';
import type { LateResult, NodeDetails } from '../persistence/batch-writer.port.js';
import type { FeedEvent } from '../../shared/protocol/feed-event.js';
import type { JobListPosition } from '../../shared/protocol/job-list-query.js';
import type { JobStatus, NodeStatus } from '../../shared/protocol/job-status.js';

/** How the nodes run a job's command; members that the request does not have are left out. */
export interface JobOptions {
  readonly user?: string;
  readonly dir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly capture: boolean;
}

/** A job to be stored; it starts in `voting`. Times are milliseconds since 1970. */
export interface NewJob extends JobOptions {
  /** 32 hex digits. */
  readonly id: string;
  readonly orgId: string;
  readonly command: string;
  /** Seconds. */
  readonly runTimeout: number;
  readonly quorum: number;
  /** The name of the requestor. */
  readonly createdBy: string;
  readonly createdAt: number;
  /** Only used after a restart: before that, the voting timeout starts when the nodes are asked. */
  readonly votingDeadline: number;
  /** Names without duplicates. */
  readonly nodes: readonly string[];
  /** `raw:…` or `base64:…`. */
  readonly file?: string;
  /** Stored with the job, so that a repeated request finds the job. */
  readonly idempotency?: IdempotencyMark;
}

/** Identifies a request that must not start a second job. Both hashes are SHA-256. */
export interface IdempotencyMark {
  /** Hash of requestor and idempotency key. */
  readonly keyHash: Buffer;
  readonly bodyHash: Buffer;
}

/** A job without its nodes; also one that the old server has stored. */
export interface StoredJob extends JobOptions {
  readonly id: string;
  readonly command: string;
  readonly status: JobStatus;
  /** Seconds. */
  readonly runTimeout: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly fileSpecified: boolean;
}

/** A node in a job; details are set if the client reported them. */
export interface JobNode extends NodeDetails {
  readonly name: string;
  readonly status: NodeStatus;
  /** Only with `FindOptions.details`. */
  readonly times?: NodeTimes;
  /** Only with `FindOptions.details`. */
  readonly lateResult?: LateResult;
  /** Since when a live job node's node is silent, milliseconds since 1970; known to the live job only. */
  readonly noContactSince?: number;
}

/** A job node that ended because its node was silent, and whose node may still run the command. */
export interface StoredLostJobNode {
  readonly orgId: string;
  readonly jobId: string;
  readonly node: string;
  readonly capture: boolean;
  /** Milliseconds since 1970. */
  readonly runDeadline: number;
}

/** When a job node changed, in milliseconds since 1970; times that are unknown or did not come yet are left out. */
export interface NodeTimes {
  /** It voted yes. */
  readonly ready?: number;
  /** It started to run. */
  readonly running?: number;
  /** It got its current status. */
  readonly updated?: number;
}

/** A job with its nodes, sorted by name. */
export interface StoredJobWithNodes extends StoredJob {
  readonly nodes: readonly JobNode[];
  /** Only with `FindOptions.includeFile`. */
  readonly file?: string;
  /** Only with `FindOptions.details`. */
  readonly origin?: { readonly createdBy: string; readonly quorum: number };
}

export interface FindOptions {
  readonly includeFile?: boolean;
  readonly details?: boolean;
}

/** Which jobs are listed, and in which order. Times are milliseconds since 1970. */
export interface JobFilter {
  readonly status?: JobStatus;
  readonly command?: string;
  /** The name of the requestor. */
  readonly user?: string;
  /** A node in the job. */
  readonly node?: string;
  /** Created at this time or later. */
  readonly since?: number;
  /** Created before this time. */
  readonly until?: number;
  readonly newestFirst?: boolean;
  /** Only jobs after this position, in the chosen order. */
  readonly after?: JobListPosition;
  readonly limit?: number;
}

/** A page of a list; if there are more jobs, `next` is the position of its last job. */
export interface JobPage {
  readonly jobs: readonly StoredJob[];
  readonly next?: JobListPosition;
}

/** A job that was in memory when the server stopped, with everything that resuming it needs. */
export interface StoredLiveJob extends StoredJobWithNodes {
  readonly orgId: string;
  readonly quorum: number;
  readonly createdBy: string;
  readonly votingDeadline?: number;
  readonly runDeadline?: number;
  /** All events so far, oldest first; the first is `job-1`. */
  readonly events: readonly FeedEvent[];
}

/** How long a response waits at most until what it shows is stored. */
const MAX_FLUSH_WAIT_MS = 1000;

/**
 * Waits until all changes so far are stored, so that a restart undoes nothing that a user has seen. Returns false if the
 * database is too slow.
 */
export const waitUntilFlushed = (store: Pick<JobStore, 'flushed'>): Promise<boolean> =>
  Promise.race([store.flushed().then(() => true), sleep(MAX_FLUSH_WAIT_MS, false, { ref: false })]);

/**
 * The jobs in the database. Reads and `create` reject with an AppError (`database_unavailable`) if the database cannot
 * be used. `save…` and `deleteEvents` only queue a change; changes are stored in order, in batches.
 */
export abstract class JobStore {
  /**
   * Stores a job with its nodes and options, all or nothing; durable when it resolves. If that is uncertain it rejects,
   * and the job is stored as `crashed` (by the next `flushed`), or not at all.
   */
  abstract create(job: NewJob): Promise<void>;
  /** Lists all jobs of an organization, oldest first. */
  abstract list(orgId: string): Promise<StoredJob[]>;
  /**
   * Returns the job that the request with this key has started, and the hash of its body; undefined if the key is
   * unknown. If that job is `crashed`, releases the key for a new job and returns undefined.
   */
  abstract releaseKeyOrGetStart(
    orgId: string,
    keyHash: Buffer,
  ): Promise<{ readonly jobId: string; readonly bodyHash: Buffer } | undefined>;
  /** Lists the jobs of an organization that match the filter. */
  abstract page(orgId: string, filter: JobFilter): Promise<JobPage>;
  /** Returns a job of that organization. */
  abstract find(orgId: string, id: string, options?: FindOptions): Promise<StoredJobWithNodes | undefined>;
  /** Returns the stored status of a job node; undefined if the node is not in a job of that id. */
  abstract nodeStatus(orgId: string, jobId: string, node: string): Promise<NodeStatus | undefined>;
  /** Returns the captured output of a node; undefined if there is none. */
  abstract output(
    orgId: string,
    id: string,
    node: string,
    stream: 'stdout' | 'stderr',
  ): Promise<Buffer | undefined>;
  /**
   * Returns all jobs that have not ended, and those whose events are not deleted yet; oldest first. For the start of the
   * server.
   */
  abstract loadLive(): Promise<StoredLiveJob[]>;

  /** Returns the lost job nodes without a late result whose run deadline is after `now`. For the start of the server. */
  abstract loadLost(now: number): Promise<StoredLostJobNode[]>;

  /** Saves the status of a job node. A final status never changes. */
  abstract saveNodeStatus(
    orgId: string,
    jobId: string,
    node: string,
    status: NodeStatus,
    at: number,
    details?: NodeDetails,
  ): void;
  /** Saves the result of a lost job node, once; its status stays. */
  abstract saveLateResult(orgId: string, jobId: string, node: string, result: LateResult): void;
  abstract saveJobStatus(
    orgId: string,
    jobId: string,
    status: JobStatus,
    at: number,
    deadlines?: { readonly votingDeadline?: number; readonly runDeadline?: number },
  ): void;
  abstract saveOutput(orgId: string, jobId: string, node: string, stdout: Buffer, stderr: Buffer): void;
  /** Saves events of a job's feed; the first of them is `job-<firstSeq>`. */
  abstract saveEvents(orgId: string, jobId: string, firstSeq: number, events: readonly FeedEvent[]): void;
  /** Deletes the events of a job that has left memory. */
  abstract deleteEvents(orgId: string, jobId: string): void;
  /** Resolves when all changes so far are durable. */
  abstract flushed(): Promise<void>;
  /** Whether too many changes wait for the database to accept a new job. */
  abstract readonly overloaded: boolean;
}
