import type { JobStatus, NodeStatus } from '../../../src/shared/protocol/job-status.js';

/** A job that a user started, and what the user saw of it. */
export interface JobRecord {
  /** Part of its command, so that every start has a command of its own. */
  readonly command: string;
  readonly nodes: readonly string[];
  /** Undefined until the server has accepted it. */
  id?: string;
  /** Number of requests until it was accepted. */
  requests: number;
  /** Why the server refused it for good. */
  refusal?: string;
  /** Statuses of ended job nodes that a user saw, in their order: more than one for a node is a contradiction. */
  readonly seen: Map<string, NodeStatus[]>;
  /** Statuses of the ended job that a user saw, in their order. */
  readonly seenOfJob: JobStatus[];
}
