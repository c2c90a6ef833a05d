import { type Cursor, DurableLog } from '../../shared/lib/durable-log.js';
import { type FeedEvent, type JobEvent, microsOf, toFeedEvent } from '../../shared/protocol/feed-event.js';

/** An event of an organization's feed. */
export interface OrgEvent extends FeedEvent {
  /** Its number in the feed, from 1. */
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What a reader gets: `first`, then the events of the cursor. */
export interface OrgFeedSubscription {
  /** The synthetic event `start_of_history`, if the reader missed events. */
  readonly first?: FeedEvent;
  readonly cursor: Cursor<FeedEvent>;
}

/** The start and the end of every job of one organization. See docs/spec/job-lifecycle.md, "Feeds". */
export class OrgFeed {
  private readonly log: DurableLog<OrgEvent>;
  private lastSeq: number;
  private lastMicros: number;

  /** `stored` are the events from before a restart; the ids continue. */
  constructor(
    store: (batch: readonly OrgEvent[]) => Promise<void>,
    onFault: (thrown: unknown) => void,
    private readonly expirationMs: () => number,
    stored: readonly OrgEvent[] = [],
  ) {
    const last = stored.at(-1);
    this.lastSeq = last?.seq ?? 0;
    this.lastMicros = last === undefined ? 0 : microsOf(last);
    this.log = new DurableLog(store, onFault, stored);
  }

  /** Adds an event of a job. Its timestamp is increased if necessary, so that timestamps are strictly increasing. */
  append(jobId: string, { name, data }: JobEvent, atMicros: number): void {
    this.lastMicros = Math.max(this.lastMicros + 1, atMicros);
    const at = Math.floor(this.lastMicros / 1000);
    const seq = ++this.lastSeq;
    this.evictBefore(at - this.expirationMs());
    this.log.append({
      seq,
      at,
      ...toFeedEvent(`org-${seq}`, name, this.lastMicros, { job: jobId, ...data }),
    });
  }

  /**
   * Without `lastEventId` the reader gets new events only, with a known one the events after it, and with an unknown one
   * `start_of_history` and all events in memory.
   */
  subscribe(lastEventId: string | undefined, nowMs: number): OrgFeedSubscription {
    this.evictBefore(nowMs - this.expirationMs());
    const { entries } = this.log;
    if (lastEventId === undefined) return { cursor: this.log.readFrom(entries.length) };
    const known = entries.findIndex(({ id }) => id === lastEventId);
    if (known !== -1) return { cursor: this.log.readFrom(known + 1) };
    const [oldest] = entries;
    const expired = Math.floor((nowMs - this.expirationMs()) * 1000);
    const startMicros = oldest === undefined ? expired : Math.min(expired, microsOf(oldest) - 1);
    return {
      first: toFeedEvent('start_id', 'start_of_history', startMicros, {}),
      cursor: this.log.readFrom(0),
    };
  }

  private evictBefore(ms: number): void {
    this.log.evict(({ at }) => at < ms);
  }
}
