import type { HeartbeatMessage, JobMessage, OutputMessage } from '../../shared/protocol/client-message.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../shared/protocol/server-message.js';

/** Told of what becomes of nodes; the jobs are. */
export interface NodeWatcher {
  /** A node sent a message about a job. */
  jobMessage(address: NodeAddress, message: JobMessage): void;
  /** A node sent a piece of what its command writes. It may come late, and changes nothing. */
  output(address: NodeAddress, message: OutputMessage): void;
  /** A node says what it is doing; on a new connection, or after we lost a message to it, it says so first. */
  heartbeat(address: NodeAddress, message: HeartbeatMessage, firstOnConnection: boolean): void;
  /** A node is gone: it went offline or came back as another process. */
  down(address: NodeAddress, reason: string): void;
  /** A node was sent to rehab, by the job `byJob` where that is given, which knows already. */
  rehabbed(address: NodeAddress, reason: string, byJob: string | undefined): void;
  /** Whether a node has a part in a job that goes on. */
  isBusy(address: NodeAddress): boolean;
  /** Whether a node may believe that it does this job: it is asked to, or has just said how it ended. */
  mayBeDoing(address: NodeAddress, jobId: string): boolean;
}

/** How many nodes stand how. */
export interface FleetTally {
  readonly available: number;
  readonly rehab: number;
  readonly offline: number;
}

/** Under this token the fleet is injected. */
export const FLEET = Symbol('FLEET');

/** All nodes that the server knows, as jobs see them. */
export interface Fleet {
  /** Registers the one watcher. */
  watch(watcher: NodeWatcher): void;
  /** Whether a node can take a job now: online and not in rehab. */
  isAvailable(address: NodeAddress): boolean;
  /** Why a node cannot take a job now, as one word; undefined where it can. */
  trouble(address: NodeAddress): string | undefined;
  /** Sends a command to these nodes. */
  send(addresses: readonly NodeAddress[], command: NodeCommand): void;
  /**
   * Makes a node drop what it is doing: `abort` until it answers, unavailable meanwhile. All its live jobs are told
   * but `byJob`, which asked for it.
   */
  rehab(address: NodeAddress, reason: string, byJob?: string): void;
  /** How many nodes the server has heard of since it started. */
  count(): number;
  /** How many of them stand how; costs a look at each. */
  tally(): FleetTally;
}
