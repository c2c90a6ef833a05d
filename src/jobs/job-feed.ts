import { type Cursor, DurableLog } from '../lib/durable-log.js';
import { type FeedEvent, type JobEvent, toFeedEvent } from '../protocol/feed-event.js';

/** Where a job's events are made durable. */
export interface EventStore {
  events(jobId: string, firstSeq: number, events: readonly FeedEvent[]): void;
  flushed(): Promise<void>;
}

/**
 * The events of one job, numbered and dated (job lifecycle, "Events"). An event is stored before a reader sees it, so
 * no id is ever given to two events, not even by a server that was killed in between.
 */
export class JobFeed {
  private readonly log: DurableLog<FeedEvent>;
  private count: number;
  private lastMicros = 0;

  /** `earlier` are the events that were stored before a restart; `onFault` hears why one could not be stored. */
  constructor(
    jobId: string,
    store: EventStore,
    onFault: (thrown: unknown) => void,
    earlier: readonly FeedEvent[] = [],
  ) {
    let stored = earlier.length;
    this.count = stored;
    const storeBatch = async (batch: readonly FeedEvent[]): Promise<void> => {
      store.events(jobId, stored + 1, batch);
      await store.flushed();
      stored += batch.length;
    };
    this.log = new DurableLog(storeBatch, onFault, earlier);
  }

  /** Adds an event that happened at `nowMs`; hands back its timestamp in microseconds, later than all before. */
  append({ name, data }: JobEvent, nowMs: number): number {
    this.lastMicros = Math.max(this.lastMicros + 1, nowMs * 1000);
    this.log.append(toFeedEvent(`job-${++this.count}`, name, this.lastMicros, data));
    return this.lastMicros;
  }

  /** No event comes any more. */
  close(): void {
    this.log.close();
  }

  /** Reads on after the event of that id; from the beginning where it is missing or unknown. */
  readAfter(lastEventId: string | undefined): Cursor<FeedEvent> {
    return this.log.readFrom(this.log.entries.findIndex(({ id }) => id === lastEventId) + 1);
  }
}
