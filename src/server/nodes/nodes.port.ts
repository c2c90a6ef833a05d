import type { HeartbeatMessage, JobMessage, OutputMessage } from '../../shared/protocol/client-message.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../shared/protocol/server-message.js';

/** Handles what happens to nodes; the jobs implement it. */
export interface NodeEventHandler {
  /** A node sent a message about a job: for example its vote (`ack_commit`) or its result. */
  jobMessage(address: NodeAddress, message: JobMessage): void;
  /** A node sent live output of its command. It may be late. */
  output(address: NodeAddress, message: OutputMessage): void;
  /** A node reported what it is doing. */
  heartbeat(address: NodeAddress, message: HeartbeatMessage, firstOnConnection: boolean): void;
  /** A node went offline. */
  nodeDown(address: NodeAddress, reason: string): void;
  /** A node was sent to rehab. `byJob` is the job that requested it, if one did. */
  rehabStarted(address: NodeAddress, reason: string, byJob: string | undefined): void;
  /** Returns whether a node has an unfinished job node in a live job. */
  isBusy(address: NodeAddress): boolean;
  /** Returns whether a node may rightly report this job: it is part of the job, or has just reported its result. */
  mayBeDoing(address: NodeAddress, jobId: string): boolean;
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
