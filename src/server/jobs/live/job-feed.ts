import { type Cursor, DurableLog } from '../../../shared/lib/durable-log.js';
import type { JobStore } from '../job-store.port.js';
import type { JobRecord } from './job-record.js';
import { EVENTS_PER_ROW } from '../../persistence/batch-writer.port.js';
import { type FeedEvent, type JobEvent, microsOf, toFeedEvent } from '../../../shared/protocol/feed-event.js';

/** What a feed needs of the job store. */
export type JobEventStore = Pick<JobStore, 'saveEvents' | 'flushed'>;

/**
 * The events of one job, with numbers and timestamps. See docs/spec/job-lifecycle.md, "Events". An event is stored
 * before a reader sees it, so no id is used twice, even if the server is killed. Nothing follows `job_complete`.
 */
export class JobFeed {
  private readonly log: DurableLog<FeedEvent>;
  private count: number;
  private lastMicros: number;
  private complete: boolean;

  /** `earlier` are the events that were stored before a restart; `onError` gets the reason if one cannot be stored. */
  constructor(
    { orgId, id }: Pick<JobRecord, 'orgId' | 'id'>,
    store: JobEventStore,
    onError: (thrown: unknown) => void,
    earlier: readonly FeedEvent[] = [],
  ) {
    const last = earlier.at(-1);
    this.count = earlier.length;
    this.lastMicros = last === undefined ? 0 : microsOf(last);
    this.complete = last?.name === 'job_complete';
    let storedCount = earlier.length;
    const storeBatch = (batch: readonly FeedEvent[]): Promise<void> => {
      for (let from = 0; from < batch.length; from += EVENTS_PER_ROW) {
        store.saveEvents(orgId, id, storedCount + from + 1, batch.slice(from, from + EVENTS_PER_ROW));
      }
      storedCount += batch.length;
      return store.flushed();
    };
    this.log = new DurableLog(storeBatch, onError, earlier);
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** The number of the latest event; 0 before the first. */
  get lastNumber(): number {
    return this.count;
  }

  /** Whether `job_complete` was emitted. */
  get isComplete(): boolean {
    return this.complete;
  }

  /** Adds an event of the time `nowMs`. Returns its timestamp in microseconds, greater than all before. */
  append({ name, data }: JobEvent, nowMs: number): number {
    this.complete ||= name === 'job_complete';
    this.lastMicros = Math.max(this.lastMicros + 1, nowMs * 1000);
    this.log.append(toFeedEvent(`job-${++this.count}`, name, this.lastMicros, data));
    return this.lastMicros;
  }

  /** Ends the feed for its readers. */
  close(): void {
    this.log.close();
  }

  /** Reads the events after this id; from the beginning if it is missing or unknown. */
  readAfter(lastEventId: string | undefined): Cursor<FeedEvent> {
    return this.log.readFrom(this.log.entries.findIndex(({ id }) => id === lastEventId) + 1);
  }
}
