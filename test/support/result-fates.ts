/** After this part of a heartbeat interval on a healthy connection, a result has left the node. */
const PART_OF_INTERVAL = 0.25;

/**
 * Tells which results of a node may have been lost on their way: the Ruby client sends a result once, so it is lost if
 * the queue is full, if the client closes its socket before it is sent, or if it goes into a dead connection.
 */
export class ResultFates {
  /** Jobs whose result may have been lost. */
  readonly maybeLost = new Set<string>();
  private readonly unsent = new Set<string>();
  private isConnected = false;
  /** The network under the connection has failed; the connection may be dead. */
  private isSuspect = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly intervalMs: number) {}

  sent(jobId: string): void {
    this.unsent.add(jobId);
    this.watch();
  }

  dropped(jobId: string): void {
    this.unsent.delete(jobId);
    this.maybeLost.add(jobId);
  }

  connected(): void {
    this.isConnected = true;
    this.isSuspect = false;
    this.watch();
  }

  /** The connection is gone. ZeroMQ keeps what it has not sent if there was none. */
  disconnected(): void {
    if (this.isConnected) this.closed();
  }

  /** The node has closed its sockets. */
  closed(): void {
    this.isConnected = false;
    clearTimeout(this.timer);
    for (const jobId of [...this.unsent]) this.dropped(jobId);
  }

  networkFailed(): void {
    this.isSuspect = true;
    clearTimeout(this.timer);
  }

  /** The network works again and has lost no byte of this connection. */
  networkHealed(): void {
    this.isSuspect = false;
    this.watch();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private watch(): void {
    clearTimeout(this.timer);
    if (!this.isConnected || this.isSuspect || this.unsent.size === 0) return;
    this.timer = setTimeout(() => this.unsent.clear(), PART_OF_INTERVAL * this.intervalMs);
  }
}
