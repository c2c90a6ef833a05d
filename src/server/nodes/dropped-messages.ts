import { type NodeAddress, nodeKeyOf } from '../../shared/protocol/node-address.js';
import type { DropReason } from '../transport/transport.port.js';
import type { NodeDrops } from './domain/node-diagnosis.js';

/** What was dropped of a node, and the place of the last of it among all that came. */
interface Dropped extends NodeDrops {
  readonly address: NodeAddress;
  readonly place: number;
  /** The reasons that there were. */
  readonly reasons: Set<DropReason>;
}

/** What was dropped that names a node, whether or not it was ever heard: only nodes that have a session are here. */
export class DroppedMessages {
  private readonly byNode = new Map<string, Dropped>();

  /**
   * Takes note of a drop: when it was (milliseconds since 1970) and its place among all that came. Hands back whether it is
   * the node's first for this reason.
   */
  note(address: NodeAddress, reason: DropReason, at: number, place: number): boolean {
    const key = nodeKeyOf(address);
    const { count, reasons } = this.byNode.get(key) ?? { count: 0, reasons: new Set() };
    const isNews = !reasons.has(reason);
    this.byNode.set(key, { address, reason, at, count: count + 1, place, reasons: reasons.add(reason) });
    return isNews;
  }

  of(address: NodeAddress): Dropped | undefined {
    return this.byNode.get(nodeKeyOf(address));
  }

  addresses(): NodeAddress[] {
    return Array.from(this.byNode.values(), ({ address }) => address);
  }

  /** Forgets the nodes of which nothing was dropped since `then` (milliseconds since 1970). */
  forgetBefore(then: number): void {
    for (const [key, { at }] of this.byNode) if (at < then) this.byNode.delete(key);
  }
}
