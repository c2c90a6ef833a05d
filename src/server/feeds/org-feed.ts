import { type Cursor, DurableLog } from '../../shared/lib/durable-log.js';
import { type FeedEvent, type JobEvent, microsOf, toFeedEvent } from '../../shared/protocol/feed-event.js';

/** An event with its number in the organization's feed; `at` is milliseconds since 1970. */
export interface OrgEvent extends FeedEvent {
  readonly seq: number;
  readonly at: number;
}

/** What a reader of an organization's feed gets: perhaps one made-up event, then what the cursor gives. */
export interface OrgReading {
  readonly first?: FeedEvent;
  readonly cursor: Cursor<FeedEvent>;
}

/** The begin and the end of every job of one organization (job lifecycle, "Feeds"). It has no end. */
export class OrgFeed {
  private readonly log: DurableLog<OrgEvent>;
  private lastSeq: number;
  private lastMicros: number;

  /** `earlier` is what was stored before a restart: ids go on from there. */
  constructor(
    store: (batch: readonly OrgEvent[]) => Promise<void>,
    onFault: (thrown: unknown) => void,
    private readonly expirationMs: () => number,
    earlier: readonly OrgEvent[] = [],
  ) {
    const last = earlier.at(-1);
    this.lastSeq = last?.seq ?? 0;
    this.lastMicros = last === undefined ? 0 : microsOf(last);
    this.log = new DurableLog(store, onFault, earlier);
  }

  /** Adds what happened to a job; the timestamp is later than all before. */
  append(jobId: string, { name, data }: JobEvent, atMicros: number): void {
    this.lastMicros = Math.max(this.lastMicros + 1, atMicros);
    const at = Math.floor(this.lastMicros / 1000);
    const seq = ++this.lastSeq;
    this.forgetBefore(at - this.expirationMs());
    this.log.append({
      seq,
      at,
      ...toFeedEvent(`org-${seq}`, name, this.lastMicros, { job: jobId, ...data }),
    });
  }

  /**
   * Reads what comes from now on; after a known `lastEventId` what came since; with an unknown one all that is
   * remembered, behind the event `start_of_history`.
   */
  read(lastEventId: string | undefined, nowMs: number): OrgReading {
    this.forgetBefore(nowMs - this.expirationMs());
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

  private forgetBefore(ms: number): void {
    this.log.forget(({ at }) => at < ms);
  }
}
