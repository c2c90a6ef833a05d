import { runSlice, type SliceScheduler } from './time-slices.js';

/** The queue is compacted after this many handled items. */
const COMPACT_AT = 1_024;

type QueueItem<Event> = { readonly event: Event } | { readonly events: Iterator<Event> };

/**
 * A mailbox that accepts very many events at once and handles them in slices, in the order of their posting.
 *
 * Modes: idle (the next event is handled at once), draining (the handler runs; events queue), waiting (the slice is over;
 * the rest is handled in later turns of the event loop).
 * If the handler throws, `onError` is called and the next event is handled. If `onError` or an iterable throws, the error
 * goes to the caller and the rest is handled in later turns.
 */
export class SlicedMailbox<Event extends object> {
  private queue: QueueItem<Event>[] = [];
  private head = 0;
  private mode: 'idle' | 'draining' | 'waiting' = 'idle';

  constructor(
    private readonly handle: (event: Event) => void,
    private readonly onError: (thrown: unknown, event: Event) => void,
    private readonly slices: SliceScheduler,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Handles the event now, or after the earlier ones. */
  post(event: Event): void {
    this.enqueue({ event });
  }

  /** Handles these events in their order. Takes each from the iterable only when it is due. */
  postAll(events: Iterable<Event>): void {
    this.enqueue({ events: events[Symbol.iterator]() });
  }

  /** Handles the events of `post` at once, and drops the rest of all events of `postAll`. */
  dropBatches(): void {
    this.queue = this.queue.slice(this.head).filter((item) => 'event' in item);
    this.head = 0;
    while (this.mode !== 'draining' && this.drain());
  }

  private enqueue(item: QueueItem<Event>): void {
    this.queue.push(item);
    if (this.mode === 'idle' && this.drain()) this.slices.add(() => this.drain());
  }

  /** Handles events for one slice; returns whether some may be left. */
  private drain(): boolean {
    this.mode = 'draining';
    try {
      const mayHaveMore = runSlice(() => this.handleNext(), undefined, this.now);
      this.mode = mayHaveMore ? 'waiting' : 'idle';
      return mayHaveMore;
    } catch (thrown) {
      this.mode = 'waiting';
      this.slices.add(() => this.drain()); // the caller gets the error and does not do it
      throw thrown;
    }
  }

  private handleNext(): boolean {
    const event = this.nextEvent();
    if (event !== undefined) this.deliver(event);
    return event !== undefined;
  }

  private nextEvent(): Event | undefined {
    for (let item = this.queue[this.head]; item !== undefined; item = this.queue[this.head]) {
      if ('event' in item) {
        this.removeHead();
        return item.event;
      }
      const next = this.takeNext(item.events);
      if (next.done !== true) return next.value;
      this.removeHead();
    }
    return undefined;
  }

  /** Takes an event from the iterator at the head of the queue, and removes the iterator if it throws. */
  private takeNext(events: Iterator<Event>): IteratorResult<Event> {
    try {
      return events.next();
    } catch (thrown) {
      this.removeHead();
      throw thrown;
    }
  }

  private removeHead(): void {
    this.head++;
    if (this.head < this.queue.length && this.head < COMPACT_AT) return;
    this.queue.splice(0, this.head);
    this.head = 0;
  }

  private deliver(event: Event): void {
    try {
      this.handle(event);
    } catch (thrown) {
      this.onError(thrown, event);
    }
  }
}
