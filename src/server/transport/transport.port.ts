import type { Session } from '../keys/keys.port.js';
import type { ClientMessage } from '../../shared/protocol/client-message.js';
import type { NodeAddress } from '../../shared/protocol/node-address.js';
import type { NodeCommand } from '../../shared/protocol/server-message.js';

/** A message from a node; its signature, session, names, timestamp and sequence are verified. */
export interface ReceivedMessage {
  readonly address: NodeAddress;
  readonly session: Session;
  readonly message: ClientMessage;
  /** Whether it is the first on its connection; the node then waits for a reply. */
  readonly firstOnConnection: boolean;
}

/** Why a frame from the command channel was dropped; also the label of the drop counter. */
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

/** Handles what nodes send. */
export interface NodeMessageHandler {
  received(message: ReceivedMessage): void;
  /** A frame was dropped that its connection or its signature proves to be from this node. */
  dropped(address: NodeAddress, reason: DropReason): void;
}

/** Exchanges verified messages with nodes. See docs/spec/wire-protocol.md, "Channels". */
export abstract class CommandChannel {
  /** Registers the only handler of messages from nodes. Without a handler every message is dropped. */
  abstract setHandler(handler: NodeMessageHandler): void;
  /**
   * Sends a command to each node, over the connection of the node's last valid message. Nothing is sent to a node without
   * a connection, and the caller is not notified: it must wait for the node's reply.
   */
  abstract send(addresses: readonly NodeAddress[], command: NodeCommand): void;
}

/** Counters of the command channel since the server started. */
export abstract class TransportCounts {
  /** Verified messages from nodes. */
  abstract readonly received: number;
  /** Dropped frames by reason; a reason that did not occur is missing. */
  abstract readonly dropped: ReadonlyMap<DropReason, number>;
  /** Messages to nodes that ZeroMQ accepted. */
  abstract readonly sent: number;
  /** Messages that were not sent: the node has no connection, or its queue is full. */
  abstract readonly unsent: number;
  /** How late the last server heartbeat was sent, in ms; shows how busy the server's main thread is. */
  abstract readonly heartbeatLagMs: number;
  /**
   * Connections refused because their Curve key is not accepted; during the grace period also those that use no Curve key
   * of the server.
   */
  abstract readonly refused: number;
  /** Open connections that use the previous Curve key, during the grace period. */
  abstract readonly previousKeyConnections: number;
}
