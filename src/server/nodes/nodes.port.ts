import type {
  HeartbeatMessage,
  JobMessage,
  OutputMessage,
  ReportedJobState,
} from '../../shared/protocol/client-message.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../shared/protocol/server-message.js';

/** That a node is silent. */
export interface Silence {
  /** Time on the monotonic clock: when the silence began, at most one interval after the last message. */
  readonly since: number;
  /** Time of the last message, milliseconds since 1970. */
  readonly lastSeenAt: number;
  /** Heartbeat interval of the node, in milliseconds. */
  readonly intervalMs: number;
}

/** Handles what happens to nodes; the jobs implement it. */
export interface NodeEventHandler {
  /** A node sent a message about a job: for example its vote (`ack_commit`) or its result. */
  jobMessage(address: NodeAddress, message: JobMessage, firstOnConnection: boolean): void;
  /** A node sent live output of its command. It may be late. */
  output(address: NodeAddress, message: OutputMessage): void;
  /** A node reported what it is doing. */
  heartbeat(address: NodeAddress, message: HeartbeatMessage, firstOnConnection: boolean): void;
  /** A node went offline. It may still do what it did. When it is heard again, its message shows that. */
  nodeOffline(address: NodeAddress, silence: Silence): void;
  /** A node was sent to rehab. `byJob` is the job that requested it, if one did. */
  rehabStarted(address: NodeAddress, reason: string, byJob: string | undefined): void;
  /** Returns whether a node may be in a job: it has an unfinished job node, or one that ended because it was silent. */
  mayHaveJob(address: NodeAddress): boolean;
  /**
   * Returns whether a node may rightly report this job: it is part of the job, has just reported its result, or may still
   * run it although its job node has ended because it was silent. `jobState` is set for heartbeats.
   */
  mayBeDoing(address: NodeAddress, jobId: string, jobState: ReportedJobState | undefined): boolean;
}

export interface NodeCounts {
  readonly available: number;
  readonly rehab: number;
  readonly offline: number;
}

/** All nodes that the server has heard, and the way to send to them. */
export abstract class NodeDirectory {
  /** Registers the only event handler. */
  abstract setEventHandler(handler: NodeEventHandler): void;
  /** Returns whether a node can take a job now. See docs/spec/wire-protocol.md, "Availability". */
  abstract isAvailable(address: NodeAddress): boolean;
  /** Returns whether the node is online. */
  abstract isOnline(address: NodeAddress): boolean;
  /** Returns why a node cannot take a job now, as one word; undefined if it can. */
  abstract unavailabilityReason(address: NodeAddress): string | undefined;
  /** Sends a command to these nodes. */
  abstract send(addresses: readonly NodeAddress[], command: NodeCommand): void;
  /**
   * Sends a node to rehab: it gets `abort` until it answers, and is unavailable meanwhile. `byJob` is the job that
   * requests it.
   */
  abstract rehab(address: NodeAddress, reason: string, byJob?: string): void;
  /** Returns how many nodes the server has heard since it started. */
  abstract count(): number;
  /** Counts nodes by state; takes time proportional to their number. */
  abstract countByState(): NodeCounts;
}
