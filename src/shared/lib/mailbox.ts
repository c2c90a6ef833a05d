/**
 * Passes events to a handler one at a time, in the order of their posting. An event that is posted while the handler
 * runs waits until it returns, so a handler never sees a half-changed state.
 *
 * Modes: idle (nothing waits; the next event is handled at once), draining (the handler runs; events queue).
 * If the handler throws, `onError` is called and the next event is handled. If `onError` throws, the error goes to the
 * caller of `post`, and the rest is handled in the next turn of the event loop.
 */
export class Mailbox<Event> {
  private readonly waiting: Event[] = [];
  private draining = false;

  constructor(
    private readonly handle: (event: Event) => void,
    private readonly onError: (thrown: unknown, event: Event) => void,
  ) {}

  /** Handles the event now, or directly after the earlier ones. */
  post(event: Event): void {
    this.waiting.push(event);
    if (!this.draining) this.drain();
  }

  private drain(): void {
    this.draining = true;
    try {
      for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift())
        this.deliver(next);
    } finally {
      this.draining = false;
      if (this.waiting.length > 0) setImmediate(() => this.drain());
    }
  }

  private deliver(event: Event): void {
    try {
      this.handle(event);
    } catch (thrown) {
      this.onError(thrown, event);
    }
  }
}
