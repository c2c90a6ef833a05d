import type { Session } from '../keys/keys.port.js';
import { nodeKeyOf, type NodeAddress } from '../../shared/protocol/node-address.js';

/** The current connection of one node, and the sequence numbers of both directions. */
export interface NodeLink {
  readonly session: Session;
  /**
   * ZeroMQ's identity of the connection. The peer chooses it, so it proves nothing. Undefined if the connection is lost.
   */
  identity: Buffer | undefined;
  /** The sequence of the last valid message on this connection. */
  lastReceived: number;
  /** The sequence of the last message to this node; it continues over new connections. */
  lastSent: number;
}

/** The links of all nodes that sent a valid message: one per node, even if the node has several connections. */
export class NodeLinks {
  private readonly byNode = new Map<string, NodeLink>();
  private readonly byIdentity = new Map<string, NodeLink>();

  /** Returns the link that a connection is bound to. */
  boundTo(identity: Buffer): NodeLink | undefined {
    return this.byIdentity.get(identityKeyOf(identity));
  }

  /** Returns the link of a node. */
  ofNode(address: NodeAddress): NodeLink | undefined {
    return this.byNode.get(nodeKeyOf(address));
  }

  /**
   * Binds a connection to a session and returns the new link. The node's previous connection is unbound. If the
   * connection was bound to another session, that session was replaced, and its link is removed.
   */
  bind(identity: Buffer, session: Session): NodeLink {
    const replaced = this.boundTo(identity);
    if (replaced !== undefined) this.remove(replaced);
    const previous = this.ofNode(session.address);
    if (previous !== undefined) this.unbind(previous);
    const link = { session, identity, lastReceived: 0, lastSent: previous?.lastSent ?? 0 };
    this.byNode.set(nodeKeyOf(session.address), link);
    this.byIdentity.set(identityKeyOf(identity), link);
    return link;
  }

  /** Removes the connection of a link and keeps its sequence numbers. */
  unbind(link: NodeLink): void {
    if (link.identity === undefined) return;
    this.byIdentity.delete(identityKeyOf(link.identity));
    link.identity = undefined;
  }

  /** Removes the link of a node if it belongs to this session. */
  forget(session: Session): void {
    const link = this.ofNode(session.address);
    if (link?.session === session) this.remove(link);
  }

  private remove(link: NodeLink): void {
    this.unbind(link);
    this.byNode.delete(nodeKeyOf(link.session.address));
  }
}

const identityKeyOf = (identity: Buffer): string => identity.toString('latin1');
