const WINDOW_MS = 1000;

/**
 * Bounds how many messages are handled in a second, so that a broken or hostile server cannot keep the client busy. The
 * messages beyond it are counted and dropped before they are verified, which costs nearly nothing.
 */
export class MessageBudget {
  private windowEnd = 0;
  private left = 0;
  private droppedCount = 0;

  /** `perSecond` must be far beyond what a server ever sends. */
  constructor(private readonly perSecond: number) {}

  /** Whether a message that comes at `nowMs` (monotonic) is handled. */
  take(nowMs: number): boolean {
    if (nowMs >= this.windowEnd) {
      this.windowEnd = nowMs + WINDOW_MS;
      this.left = this.perSecond;
    }
    if (this.left === 0) {
      this.droppedCount++;
      return false;
    }
    this.left--;
    return true;
  }

  /** Returns how many messages were dropped since the last call. */
  takeDropped(): number {
    const dropped = this.droppedCount;
    this.droppedCount = 0;
    return dropped;
  }
}
