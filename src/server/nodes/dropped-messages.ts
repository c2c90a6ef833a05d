import { type NodeAddress, nodeKeyOf } from '../../shared/protocol/node-address.js';
import type { DropReason } from '../transport/transport.port.js';
import type { NodeDrops } from './domain/node-diagnosis.js';

interface DropRecord extends NodeDrops {
  readonly address: NodeAddress;
  /** Arrival number of the last one. */
  readonly arrival: number;
  readonly reasons: Set<DropReason>;
}

/** The dropped messages of nodes. Only nodes with a session are recorded; some of them have never sent a valid message. */
export class DroppedMessages {
  private readonly byNode = new Map<string, DropRecord>();

  /**
   * Records a drop: when it was (milliseconds since 1970), and its arrival number. Returns whether it is the node's first
   * for this reason.
   */
  record(address: NodeAddress, reason: DropReason, at: number, arrival: number): boolean {
    const key = nodeKeyOf(address);
    const { count, reasons } = this.byNode.get(key) ?? { count: 0, reasons: new Set() };
    const isFirst = !reasons.has(reason);
    this.byNode.set(key, { address, reason, at, count: count + 1, arrival, reasons: reasons.add(reason) });
    return isFirst;
  }

  ofNode(address: NodeAddress): DropRecord | undefined {
    return this.byNode.get(nodeKeyOf(address));
  }

  addresses(): NodeAddress[] {
    return Array.from(this.byNode.values(), ({ address }) => address);
  }

  /** Removes the nodes without a drop since `time` (milliseconds since 1970). */
  forgetBefore(time: number): void {
    for (const [key, { at }] of this.byNode) if (at < time) this.byNode.delete(key);
  }
}
