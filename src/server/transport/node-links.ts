import type { Session } from '../keys/keys.port.js';
import { nodeKeyOf, type NodeAddress } from '../../shared/protocol/node-address.js';

/** The way to one node: the connection that its last valid message came on, and the numbering in both directions. */
export interface NodeLink {
  readonly session: Session;
  /** ZeroMQ's name for the connection, chosen by the peer: no proof of anything. Undefined where it is gone. */
  identity: Buffer | undefined;
  /** The sequence of the last valid message on this connection. */
  lastReceived: number;
  /** The sequence of the last message to this node, whatever the connection. */
  lastSent: number;
}

/** The links of all nodes that sent a valid message: one for each, however many connections there are. */
export class NodeLinks {
  private readonly byNode = new Map<string, NodeLink>();
  private readonly byIdentity = new Map<string, NodeLink>();

  /** The link that a connection is bound to. */
  boundTo(identity: Buffer): NodeLink | undefined {
    return this.byIdentity.get(nameOf(identity));
  }

  /** The link of a node. */
  of(address: NodeAddress): NodeLink | undefined {
    return this.byNode.get(nodeKeyOf(address));
  }

  /**
   * Binds a connection to a session. The connection that the node had before is forgotten, and so is a session that
   * this connection had before: that was replaced, or the connection would still be its.
   */
  bind(identity: Buffer, session: Session): NodeLink {
    const replaced = this.boundTo(identity);
    if (replaced !== undefined) this.remove(replaced);
    const before = this.of(session.address);
    if (before !== undefined) this.unbind(before);
    const link = { session, identity, lastReceived: 0, lastSent: before?.lastSent ?? 0 };
    this.byNode.set(nodeKeyOf(session.address), link);
    this.byIdentity.set(nameOf(identity), link);
    return link;
  }

  /** Forgets the connection of a link, not the numbering. */
  unbind(link: NodeLink): void {
    if (link.identity === undefined) return;
    this.byIdentity.delete(nameOf(link.identity));
    link.identity = undefined;
  }

  /** Forgets a node by this session: connection and numbering. */
  forget(session: Session): void {
    const link = this.of(session.address);
    if (link?.session === session) this.remove(link);
  }

  private remove(link: NodeLink): void {
    this.unbind(link);
    this.byNode.delete(nodeKeyOf(link.session.address));
  }
}

const nameOf = (identity: Buffer): string => identity.toString('latin1');
