import { Injectable } from '@nestjs/common';
import { Clock } from '../../shared/lib/clock.js';
import { type NodeAddress, nodeKeyOf } from '../../shared/protocol/node-address.js';
import { diagnose, type NodeDrops, type UnavailabilityReason } from './domain/node-diagnosis.js';
import { DroppedMessages } from './dropped-messages.js';
import type { StoredNode } from './node-store.port.js';
import type { NodeCounts } from './nodes.port.js';
import type { TrackedNode } from './tracked-node.js';

/** The presence of a node as users see it. */
export interface NodePresence {
  readonly online: boolean;
  readonly available: boolean;
}

/** The details of a node for users. Times are milliseconds since 1970. */
export interface NodePresenceDetail extends NodePresence {
  readonly node: string;
  readonly unavailabilityReason?: UnavailabilityReason;
  readonly rehabReason?: string;
  readonly lastSeenAt?: number;
  readonly clientVersion?: string;
  readonly drops?: NodeDrops;
}

/** All nodes that the server has heard, stored or dropped messages of; returns their presence. */
@Injectable()
export class NodeTable {
  readonly drops = new DroppedMessages();
  private readonly tracked = new Map<string, TrackedNode>();
  private readonly stored = new Map<string, StoredNode>();

  constructor(private readonly clock: Clock) {}

  addStored(node: StoredNode): void {
    this.stored.set(nodeKeyOf(node), node);
  }

  storedNode(address: NodeAddress): StoredNode | undefined {
    return this.stored.get(nodeKeyOf(address));
  }

  add(node: TrackedNode): void {
    this.tracked.set(nodeKeyOf(node.address), node);
  }

  /** Returns a node that was heard since the server started. */
  find(address: NodeAddress): TrackedNode | undefined {
    return this.tracked.get(nodeKeyOf(address));
  }

  all(): Iterable<TrackedNode> {
    return this.tracked.values();
  }

  remove(address: NodeAddress): void {
    this.tracked.delete(nodeKeyOf(address));
    this.stored.delete(nodeKeyOf(address));
  }

  count(): number {
    return this.tracked.size;
  }

  countByState(): NodeCounts {
    const now = this.clock.now();
    const counts = { available: 0, rehab: 0, offline: 0 };
    for (const node of this.all()) {
      if (node.isAvailable(now)) counts.available++;
      else if (node.state.online) counts.rehab++;
      else counts.offline++;
    }
    return counts;
  }

  /** A node that was never heard is offline and unavailable. */
  presence(address: NodeAddress): NodePresence {
    const node = this.find(address);
    return {
      online: node?.state.online ?? false,
      available: node?.isAvailable(this.clock.now()) ?? false,
    };
  }

  /** Returns the organization's nodes that are online. */
  onlineNodes(orgId: string): { readonly node: string; readonly available: boolean }[] {
    const now = this.clock.now();
    return Array.from(this.all())
      .filter(({ address, state }) => address.orgId === orgId && state.online)
      .map((node) => ({ node: node.address.node, available: node.isAvailable(now) }));
  }

  /** Returns the details of a node; also of one that was never heard. */
  detail(address: NodeAddress): NodePresenceDetail {
    const node = this.find(address);
    const drops = this.drops.ofNode(address);
    const reason = diagnose({
      state: node?.state,
      isStored: this.storedNode(address) !== undefined,
      isConfigExpired: node !== undefined && !node.hasValidSession(this.clock.now()),
      lastDropReason: drops && drops.arrival > (node?.lastArrival ?? 0) ? drops.reason : undefined,
    });
    return {
      node: address.node,
      ...this.presence(address),
      ...(reason && { unavailabilityReason: reason }),
      ...(reason === 'rehab' && node?.rehabReason !== undefined && { rehabReason: node.rehabReason }),
      ...(node && { lastSeenAt: node.lastSeenAt }),
      ...(node?.clientVersion !== undefined && { clientVersion: node.clientVersion }),
      ...(drops && { drops: { reason: drops.reason, at: drops.at, count: drops.count } }),
    };
  }

  /** Returns the details of every node of an organization that sent anything since the server started. */
  details(orgId: string): NodePresenceDetail[] {
    const heard = Array.from(this.all(), ({ address }) => address);
    const addresses = new Map(
      [...heard, ...this.drops.addresses()]
        .filter((address) => address.orgId === orgId)
        .map((address) => [nodeKeyOf(address), address]),
    );
    return Array.from(addresses.values(), (address) => this.detail(address));
  }
}
