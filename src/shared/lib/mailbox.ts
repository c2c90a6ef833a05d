/**
 * Hands events one after the other to a handler. An event that is posted while another is being handled waits for
 * its end, so a handler never sees a half-done state and the order of effects is the order of events.
 *
 * Modes: idle (nothing waits, the next post is handled at once), draining (a handler runs, posts queue up).
 * A handler that throws leaves the rest of the queue to be handled: `onError` is told, the mailbox goes on.
 */
export class Mailbox<Event> {
  private readonly waiting: Event[] = [];
  private draining = false;

  constructor(
    private readonly handle: (event: Event) => void,
    private readonly onError: (thrown: unknown, event: Event) => void,
  ) {}

  /** Handles the event now, or right after those that came before it. */
  post(event: Event): void {
    this.waiting.push(event);
    if (this.draining) return;
    this.draining = true;
    try {
      for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift())
        this.deliver(next);
    } finally {
      this.draining = false; // also where onError threw: the next post goes on with what waits
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
