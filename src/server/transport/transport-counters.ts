import type { DropReason, TransportCounts } from './transport.port.js';

/** The mutable counters behind `TransportCounts`. */
export class TransportCounters implements TransportCounts {
  received = 0;
  sent = 0;
  unsent = 0;
  refused = 0;
  heartbeatLagMs = 0;
  previousKeyConnections = 0;
  readonly dropped = new Map<DropReason, number>();

  countDrop(reason: DropReason): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + 1);
  }
}
