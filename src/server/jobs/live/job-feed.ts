import { type Cursor, DurableLog } from '../../../shared/lib/durable-log.js';
import { EVENTS_PER_ROW } from '../../persistence/batch-writer.port.js';
import { type FeedEvent, type JobEvent, microsOf, toFeedEvent } from '../../../shared/protocol/feed-event.js';

/** Where a job's events are made durable. */
export interface EventStore {
  events(jobId: string, firstSeq: number, events: readonly FeedEvent[]): void;
  flushed(): Promise<void>;
}

/**
 * The events of one job, numbered and dated (job lifecycle, "Events"). An event is stored before a reader sees it, so
 * no id is ever given to two events, not even by a server that was killed in between. Nothing follows `job_complete`.
 */
export class JobFeed {
  private readonly log: DurableLog<FeedEvent>;
  private count: number;
  private lastMicros: number;
  private complete: boolean;

  /** `earlier` are the events that were stored before a restart; `onFault` hears why one could not be stored. */
  constructor(
    jobId: string,
    store: EventStore,
    onFault: (thrown: unknown) => void,
    earlier: readonly FeedEvent[] = [],
  ) {
    const last = earlier.at(-1);
    this.count = earlier.length;
    this.lastMicros = last === undefined ? 0 : microsOf(last);
    this.complete = last?.name === 'job_complete';
    let handedOver = earlier.length;
    const storeBatch = (batch: readonly FeedEvent[]): Promise<void> => {
      for (let from = 0; from < batch.length; from += EVENTS_PER_ROW) {
        store.events(jobId, handedOver + from + 1, batch.slice(from, from + EVENTS_PER_ROW));
      }
      handedOver += batch.length;
      return store.flushed();
    };
    this.log = new DurableLog(storeBatch, onFault, earlier);
  }

  /** Whether nothing has been told yet. */
  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** The number of the latest event; 0 before the first. */
  get lastNumber(): number {
    return this.count;
  }

  /** Whether the end has been told. */
  get isComplete(): boolean {
    return this.complete;
  }

  /** Adds an event that happened at `nowMs`; hands back its timestamp in microseconds, later than all before. */
  append({ name, data }: JobEvent, nowMs: number): number {
    this.complete ||= name === 'job_complete';
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
