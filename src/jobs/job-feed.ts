import type { FeedEvent, JobEvent } from '../protocol/feed-event.js';
import { toFeedEvent } from '../protocol/feed-event.js';
import type { FeedReader } from './jobs.port.js';

/** Where events are made durable before anybody sees them. */
export interface EventStore {
  events(jobId: string, firstSeq: number, events: readonly FeedEvent[]): void;
  flushed(): Promise<void>;
}

/**
 * The events of one job. An event is stored before a reader sees it, so that no id is ever given to two events, not
 * even by a server that was killed. Readers get what has been shown so far and register in one call: nothing is missed
 * or doubled.
 *
 * Modes: quiet (all events are shown), storing (a batch is on its way to the database, more may gather behind it),
 * ended (the last event is shown, readers are let go).
 */
export class JobFeed {
  private readonly shown: FeedEvent[];
  private readonly readers = new Set<FeedReader>();
  private gathered: FeedEvent[] = [];
  private storing = false;
  private closing = false;
  private ended = false;
  private count: number;
  private lastMicros = 0;

  /** `earlier` are the events that were stored before a restart. */
  constructor(
    private readonly jobId: string,
    private readonly store: EventStore,
    private readonly onFault: (thrown: unknown) => void,
    earlier: readonly FeedEvent[] = [],
  ) {
    this.shown = [...earlier];
    this.count = earlier.length;
  }

  /** Adds an event that happened at `nowMs`; hands back its timestamp in microseconds, later than all before. */
  append({ name, data }: JobEvent, nowMs: number): number {
    this.lastMicros = Math.max(this.lastMicros + 1, nowMs * 1000);
    this.gathered.push(toFeedEvent(`job-${++this.count}`, name, this.lastMicros, data));
    void this.pump();
    return this.lastMicros;
  }

  /** No event comes any more: readers end once they have seen all. */
  close(): void {
    this.closing = true;
    void this.pump();
  }

  /** Hands the reader what is there after `lastEventId`, and the rest as it comes. Hands back how to stop. */
  subscribe(lastEventId: string | undefined, reader: FeedReader): () => void {
    const known = this.shown.findIndex(({ id }) => id === lastEventId);
    for (const event of this.shown.slice(known + 1)) reader.event(event);
    if (this.ended) reader.end();
    else this.readers.add(reader);
    return () => this.readers.delete(reader);
  }

  private async pump(): Promise<void> {
    if (this.storing) return;
    this.storing = true;
    try {
      await Promise.resolve(); // what is appended in the same turn goes along
      while (this.gathered.length > 0) {
        const batch = this.gathered;
        this.gathered = [];
        this.store.events(this.jobId, this.shown.length + 1, batch);
        await this.store.flushed();
        this.show(batch);
      }
      if (this.closing && !this.ended) this.end();
    } catch (thrown) {
      this.onFault(thrown);
    } finally {
      this.storing = false;
    }
  }

  private show(batch: readonly FeedEvent[]): void {
    this.shown.push(...batch);
    for (const reader of this.readers) for (const event of batch) reader.event(event);
  }

  private end(): void {
    this.ended = true;
    for (const reader of this.readers) reader.end();
    this.readers.clear();
  }
}
