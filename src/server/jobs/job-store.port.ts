import type { NodeDetails } from '../persistence/batch-writer.port.js';
import type { FeedEvent } from '../../shared/protocol/feed-event.js';
import type { JobPlace } from '../../shared/protocol/job-list-query.js';
import type { JobStatus, NodeStatus } from '../../shared/protocol/job-status.js';

/** How a job's command is to be run, as it was asked for; what was not asked for is left out. */
export interface JobOptions {
  readonly user?: string;
  readonly dir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly capture: boolean;
}

/** A job that was just accepted; it starts in `voting`. Times are milliseconds since 1970. */
export interface NewJob extends JobOptions {
  /** 32 hex digits. */
  readonly id: string;
  readonly orgId: string;
  readonly command: string;
  /** Seconds. */
  readonly runTimeout: number;
  readonly quorum: number;
  /** Who asked for it. */
  readonly createdBy: string;
  readonly createdAt: number;
  /** Counts after a restart: until then the time to vote begins when the nodes are asked. */
  readonly votingDeadline: number;
  /** Each name once. */
  readonly nodes: readonly string[];
  /** `raw:…` or `base64:…`, as it came. */
  readonly file?: string;
  /** Remembered with it, so that the same request again finds it. */
  readonly request?: JobRequestMark;
}

/** Stands for a request that must not start a second job: SHA-256 of who sent it and its key, and of its body. */
export interface JobRequestMark {
  readonly request: Buffer;
  readonly bodyHash: Buffer;
}

/** A job as it is listed; what an old server stored shows up just the same. */
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

/** A node's part in a job; details are there where the node's client told them. */
export interface JobNode extends NodeDetails {
  readonly name: string;
  readonly status: NodeStatus;
  /** Only where they were asked for. */
  readonly times?: NodeTimes;
}

/** When a node's part in a job changed, milliseconds since 1970; what did not happen, or is not known, is left out. */
export interface NodeTimes {
  /** It voted yes. */
  readonly ready?: number;
  /** It began to run. */
  readonly running?: number;
  /** It got the status that it has. */
  readonly updated?: number;
}

/** A job with its nodes, by name. */
export interface StoredJobWithNodes extends StoredJob {
  readonly nodes: readonly JobNode[];
  /** Only where it was asked for. */
  readonly file?: string;
  /** Only where details were asked for; who asked for the job, and how many nodes must vote yes. */
  readonly origin?: { readonly createdBy: string; readonly quorum: number };
}

/** What is shown of a job beyond the usual. */
export interface FindOptions {
  readonly includeFile?: boolean;
  readonly details?: boolean;
}

/** Which jobs are listed, and in which order; what is left out does not matter. Times are milliseconds since 1970. */
export interface JobFilter {
  readonly status?: JobStatus;
  readonly command?: string;
  /** Who asked for it. */
  readonly user?: string;
  /** A node that it is, or was, for. */
  readonly node?: string;
  /** Created then or later. */
  readonly since?: number;
  /** Created earlier than that. */
  readonly until?: number;
  readonly newestFirst?: boolean;
  /** Only what comes after this place, in the order asked for. */
  readonly after?: JobPlace;
  readonly limit?: number;
}

/** A part of a list, and where the next part begins, where there is more. */
export interface JobPage {
  readonly jobs: readonly StoredJob[];
  readonly next?: JobPlace;
}

/** A job that was in memory when the server stopped, with all that is needed to go on with it. */
export interface LiveJob extends StoredJobWithNodes {
  readonly orgId: string;
  readonly quorum: number;
  readonly createdBy: string;
  readonly votingDeadline?: number;
  readonly runDeadline?: number;
  /** All events so far, oldest first: the first is `job-1`. */
  readonly events: readonly FeedEvent[];
}

/** Under this token the job store is injected. */
export const JOB_STORE = Symbol('JOB_STORE');

/**
 * The jobs in the database. Reads and `create` answer when the database has, and reject with an AppError
 * (`database_unavailable`) where it cannot be used. Changes are taken over at once and stored in order, batched.
 */
export interface JobStore {
  /**
   * Stores a job with its nodes and options, all or nothing; durable when it resolves. Where that is not certain it
   * rejects, and the job is stored as one that crashed (by the next `flushed`), or not at all.
   */
  create(job: NewJob): Promise<void>;
  /** All jobs of an organization, oldest first. */
  list(orgId: string): Promise<StoredJob[]>;
  /**
   * The job that this request has started, with the hash of the body that it came with then; undefined where it has
   * started none, or one that could not be begun.
   */
  findStarted(
    orgId: string,
    request: Buffer,
  ): Promise<{ readonly jobId: string; readonly bodyHash: Buffer } | undefined>;
  /** Those jobs of an organization that the filter lets pass, as many as its limit says. */
  page(orgId: string, filter: JobFilter): Promise<JobPage>;
  /** One job of that organization, or undefined; with its file and details only where they are asked for. */
  find(orgId: string, id: string, options?: FindOptions): Promise<StoredJobWithNodes | undefined>;
  /** What a node's command wrote, or undefined where nothing was captured. */
  output(orgId: string, id: string, node: string, stream: 'stdout' | 'stderr'): Promise<Buffer | undefined>;
  /**
   * All jobs that have not ended, and those that ended so short before the server did that their events are not
   * forgotten; oldest first. For the start of the server.
   */
  loadLive(): Promise<LiveJob[]>;

  /** A node's status changed. A terminal status never changes again. */
  nodeStatus(
    orgId: string,
    jobId: string,
    node: string,
    status: NodeStatus,
    at: number,
    details?: NodeDetails,
  ): void;
  /** A job's status changed, perhaps with a new deadline. */
  jobStatus(
    jobId: string,
    status: JobStatus,
    at: number,
    deadlines?: { readonly votingDeadline?: number; readonly runDeadline?: number },
  ): void;
  /** A node handed in what its command wrote. */
  saveOutput(jobId: string, node: string, stdout: Buffer, stderr: Buffer): void;
  /** Events were added to a job's feed, the first of them `job-<firstSeq>`. */
  events(jobId: string, firstSeq: number, events: readonly FeedEvent[]): void;
  /** A job has left memory; its events are not needed any more. */
  forgetEvents(jobId: string): void;
  /** Resolves when all changes so far are durable. */
  flushed(): Promise<void>;
  /** Whether so many changes wait for the database that no new job should be accepted. */
  readonly overloaded: boolean;
}
