import type { Session } from '../keys/keys.port.js';
import type { ClientMessage } from '../../shared/protocol/client-message.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../shared/protocol/server-message.js';

/** A message from a node that verified: signature, session, names, clock and sequence were all right. */
export interface ReceivedMessage {
  readonly address: NodeAddress;
  readonly session: Session;
  readonly message: ClientMessage;
  /** Whether it is the first on its connection: the node waits for an answer then. */
  readonly firstOnConnection: boolean;
}

/** Why something that came on the command channel was dropped; the labels under which drops are counted. */
export type DropReason =
  | 'frame_count'
  | 'header_too_long'
  | 'header_malformed'
  | 'header_version'
  | 'header_method'
  | 'body_too_long'
  | 'body_not_json'
  | 'body_malformed'
  | 'unknown_node'
  | 'wrong_node'
  | 'bad_signature'
  | 'clock_skew'
  | 'replayed'
  | 'config_too_old';

/** Told of what comes from nodes. */
export interface NodeMessageHandler {
  received(message: ReceivedMessage): void;
  /** Something was dropped that surely came from this node, by its connection or its signature. */
  dropped(address: NodeAddress, reason: DropReason): void;
}

/** Under this token the command channel is injected. */
export const COMMAND_CHANNEL = Symbol('COMMAND_CHANNEL');

/** The way to the nodes. */
export interface CommandChannel {
  /** Registers the one handler of what nodes send; before that everything is dropped. */
  handle(handler: NodeMessageHandler): void;
  /**
   * Sends a command to each of these nodes, over the connection that a node's last valid message came on. A node
   * without one gets nothing: whoever sends watches for the answer, not for the sending.
   */
  send(addresses: readonly NodeAddress[], command: NodeCommand): void;
}

/** Under this token the counts of the command channel are injected. */
export const TRANSPORT_COUNTS = Symbol('TRANSPORT_COUNTS');

/** What happened on the command channel since the start of the server. */
export interface TransportCounts {
  /** Messages from nodes that verified. */
  readonly received: number;
  /** What was dropped, by reason; a reason that did not occur is missing. */
  readonly dropped: ReadonlyMap<DropReason, number>;
  /** Messages handed to ZeroMQ for a node. */
  readonly sent: number;
  /** Messages that went nowhere: no connection, it is gone, or too much waits for it. */
  readonly unsent: number;
  /** Milliseconds by which the last server heartbeat was sent too late: how busy the server's main thread is. */
  readonly heartbeatLagMs: number;
  /**
   * Connections refused because their Curve key is not accepted; while previous keys count, also those that did not ask
   * for a key of ours.
   */
  readonly refused: number;
  /** Connections there are by the previous Curve key, while that counts. */
  readonly previousKeyConnections: number;
}
