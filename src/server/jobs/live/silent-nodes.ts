import type { NodeStatus } from '../../../shared/protocol/job-status.js';
import type { Silence } from '../../nodes/nodes.port.js';

interface SilentNode extends Silence {
  /** Whether the silence began with, or soon after, a restart of the server. */
  readonly sinceRestart: boolean;
}

/**
 * A Ruby client that has missed the server delivers what it had queued, then reopens its sockets. Both take less than
 * this number of intervals.
 */
const RECONNECT_INTERVALS = 12;

/**
 * The nodes of one job that are silent: offline, or not heard since the server restarted. A node that is heard is removed
 * at once.
 */
export class SilentNodes {
  private readonly nodes = new Map<string, SilentNode>();
  private restartedAt = -Infinity;

  get size(): number {
    return this.nodes.size;
  }

  wentOffline(node: string, silence: Silence): void {
    const sinceRestart = silence.since - this.restartedAt < RECONNECT_INTERVALS * silence.intervalMs;
    this.nodes.set(node, { ...silence, sinceRestart });
  }

  /** None of these nodes has been heard since the server restarted. */
  serverRestarted(nodes: readonly { readonly node: string }[], silence: Silence): void {
    this.restartedAt = silence.since;
    for (const { node } of nodes) this.nodes.set(node, { ...silence, sinceRestart: true });
  }

  /** Runs for each message of a node in a live job. */
  heard(node: string): void {
    if (this.nodes.size > 0) this.nodes.delete(node);
  }

  find(node: string): Silence | undefined {
    return this.nodes.get(node);
  }

  /** Forgets a node, and returns what was known of it. */
  take(node: string): Silence | undefined {
    const silence = this.nodes.get(node);
    this.nodes.delete(node);
    return silence;
  }

  /**
   * Returns the nodes that are silent for too long at `now`, on the monotonic clock. After a restart of the server a Ruby
   * client that runs a command may be silent until that ends; so may a node for which `lostContactMs` returns undefined.
   */
  overdue(
    now: number,
    statusOf: (node: string) => NodeStatus | undefined,
    lostContactMs: (intervalMs: number) => number | undefined,
  ): string[] {
    const overdue: string[] = [];
    for (const [node, { since, intervalMs, sinceRestart }] of this.nodes) {
      if (sinceRestart && statusOf(node) === 'running') continue;
      if (now - since >= (lostContactMs(intervalMs) ?? Infinity)) overdue.push(node);
    }
    return overdue;
  }
}
