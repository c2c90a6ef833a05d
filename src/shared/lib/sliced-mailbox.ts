import type { TimeSlices } from './time-slices.js';

/** Milliseconds that handling may keep everything else waiting. */
const SLICE_MS = 10;

/** How many events are handled between two looks at the clock. */
const LOOK_EVERY = 16;

/** So many places of the queue that were handled are given back together. */
const COMPACT_AT = 1_024;

type Place<Event> = { readonly event: Event } | { readonly events: Iterator<Event> };

/**
 * A mailbox that takes very many events at once and handles them in slices. The order of events is that of their
 * posting: what is posted while others wait is handled after them.
 *
 * Modes: idle (the next post is handled at once), draining (a handler runs, posts queue up), waiting (the slice is over;
 * the rest is handled in the next turns of the event loop).
 * A handler that throws leaves the rest of the queue to be handled: `onError` is told, the mailbox goes on.
 */
export class SlicedMailbox<Event extends object> {
  private places: Place<Event>[] = [];
  private first = 0;
  private mode: 'idle' | 'draining' | 'waiting' = 'idle';

  constructor(
    private readonly handle: (event: Event) => void,
    private readonly onError: (thrown: unknown, event: Event) => void,
    private readonly slices: TimeSlices,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Handles the event now, or after those that came before it. */
  post(event: Event): void {
    this.take({ event });
  }

  /** Handles all these events, in their order; each is asked for when its turn has come. */
  postAll(events: Iterable<Event>): void {
    this.take({ events: events[Symbol.iterator]() });
  }

  /** Handles at once what was posted by itself, and drops what is left of all that was posted together. */
  cutShort(): void {
    this.places = this.places.slice(this.first).filter((place) => 'event' in place);
    this.first = 0;
    while (this.mode !== 'draining' && this.drain());
  }

  private take(place: Place<Event>): void {
    this.places.push(place);
    if (this.mode === 'idle' && this.drain()) this.slices.add(() => this.drain());
  }

  /** Handles what is there for a while; whether something is left. */
  private drain(): boolean {
    this.mode = 'draining';
    const end = this.now() + SLICE_MS;
    let isLeft = true;
    try {
      for (let handled = 1; isLeft; handled++) {
        const event = this.next();
        if (event === undefined) isLeft = false;
        else this.deliver(event);
        if (handled % LOOK_EVERY === 0 && this.now() > end) break;
      }
    } finally {
      this.mode = isLeft ? 'waiting' : 'idle';
    }
    return isLeft;
  }

  private next(): Event | undefined {
    for (let place = this.places[this.first]; place !== undefined; place = this.places[this.first]) {
      if ('event' in place) {
        this.advance();
        return place.event;
      }
      const made = place.events.next();
      if (made.done !== true) return made.value;
      this.advance();
    }
    return undefined;
  }

  private advance(): void {
    this.first++;
    if (this.first < this.places.length && this.first < COMPACT_AT) return;
    this.places.splice(0, this.first);
    this.first = 0;
  }

  private deliver(event: Event): void {
    try {
      this.handle(event);
    } catch (thrown) {
      this.onError(thrown, event);
    }
  }
}
