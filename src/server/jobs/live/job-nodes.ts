import { isNodeDone, type NodeStatus } from '../../../shared/protocol/job-status.js';
import type { NodeAddress } from '../../../shared/protocol/node-address.js';

/** The nodes of one job, each with the status of its job node; in the order in which they were given. */
export class JobNodes {
  constructor(
    private readonly orgId: string,
    private readonly statuses: Map<string, NodeStatus>,
  ) {}

  get size(): number {
    return this.statuses.size;
  }

  names(): IterableIterator<string> {
    return this.statuses.keys();
  }

  entries(): IterableIterator<[node: string, status: NodeStatus]> {
    return this.statuses.entries();
  }

  statusOf(node: string): NodeStatus | undefined {
    return this.statuses.get(node);
  }

  setStatus(node: string, status: NodeStatus): void {
    this.statuses.set(node, status);
  }

  /** Whether the node is in the job and has no final status. */
  isLive(node: string): boolean {
    const status = this.statuses.get(node);
    return status !== undefined && !isNodeDone(status);
  }

  addressOf(node: string): NodeAddress {
    return { orgId: this.orgId, node };
  }

  withStatus(statuses: readonly NodeStatus[]): NodeAddress[] {
    const found: NodeAddress[] = [];
    for (const [node, status] of this.statuses)
      if (statuses.includes(status)) found.push(this.addressOf(node));
    return found;
  }
}
