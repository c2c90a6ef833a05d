import type { HeartbeatMessage, JobMessage } from '../protocol/client-message.js';
import type { NodeAddress } from '../protocol/node-address.js';
import type { NodeCommand } from '../protocol/server-message.js';

/** Told of what becomes of nodes; the jobs are. */
export interface NodeWatcher {
  /** A node sent a message about a job. */
  jobMessage(address: NodeAddress, message: JobMessage): void;
  /** A node says what it is doing. */
  heartbeat(address: NodeAddress, message: HeartbeatMessage): void;
  /** A node cannot take part any more: it went offline, came back as another process, or was sent to rehab. */
  down(address: NodeAddress, reason: string): void;
  /** The live job that the server believes a node to take part in, if any. */
  liveJobOf(address: NodeAddress): LiveJobPart | undefined;
}

/** A node's part in a live job. */
export interface LiveJobPart {
  readonly jobId: string;
  readonly status: 'new' | 'ready' | 'running';
}

/** Under this token the fleet is injected. */
export const FLEET = Symbol('FLEET');

/** All nodes that the server knows, as jobs see them. */
export interface Fleet {
  /** Registers the one watcher. */
  watch(watcher: NodeWatcher): void;
  /** Whether a node can take a job now: online and not in rehab. */
  isAvailable(address: NodeAddress): boolean;
  /** Sends a command to these nodes. */
  send(addresses: readonly NodeAddress[], command: NodeCommand): void;
  /** Makes a node drop what it is doing: `abort` until it answers, unavailable meanwhile. Its job is not told. */
  rehab(address: NodeAddress): void;
}
