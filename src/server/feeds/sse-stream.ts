import { Readable } from 'node:stream';
import type { Cursor } from '../../shared/lib/durable-log.js';
import { MAX_TIMEOUT_MS } from '../../shared/lib/timer.js';
import {
  eventNumber,
  type FeedEvent,
  formatSse,
  SSE_KEEPALIVE,
  type UnnumberedEvent,
} from '../../shared/protocol/feed-event.js';
import type { OutputSubscription } from './output-feeds.js';

/** When the server stops, a reader has this long to receive what is buffered. */
const CLOSE_GRACE_MS = 1_000;

/**
 * Streams a feed as Server-Sent Events. It reads events only when its reader receives bytes, so a slow reader needs no
 * memory. A reader that receives nothing for two keepalive intervals, or misses evicted events, is disconnected.
 *
 * Live output that came before an event is sent before it, and no later output. So the output of a node precedes the end
 * of its command, and output does not delay events.
 */
export class SseStream extends Readable {
  private readonly keepalive: NodeJS.Timeout;
  private closeTimer: NodeJS.Timeout | undefined;
  /** Whether the cursor has no more events now. */
  private waiting = false;
  private ended = false;
  /** Keepalive intervals in which the reader received nothing. */
  private stalledIntervals = 0;
  /** The next event; the output that came before it is sent first. */
  private pendingEvent: FeedEvent | undefined;

  constructor(
    private readonly cursor: Cursor<FeedEvent>,
    keepAliveMs: number,
    first?: FeedEvent | UnnumberedEvent,
    private readonly output?: OutputSubscription,
  ) {
    super({ encoding: 'utf8' });
    if (first !== undefined) this.push(formatSse(first));
    this.keepalive = setInterval(() => this.tick(), Math.min(keepAliveMs, MAX_TIMEOUT_MS));
    this.keepalive.unref();
  }

  /** Ends the feed because the server stops; nothing more is read. */
  finish(): void {
    this.end();
    this.closeTimer ??= setTimeout(() => this.destroy(), CLOSE_GRACE_MS);
    this.closeTimer.unref();
  }

  override _read(): void {
    if (this.ended) return;
    this.stalledIntervals = 0;
    this.waiting = false;
    for (let text = this.next(); text !== undefined; text = this.next()) {
      if (!this.push(text)) return;
    }
    if (this.cursor.hasMissedEntries) this.destroy();
    else if (this.cursor.ended) this.end();
    else this.wait();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearInterval(this.keepalive);
    clearTimeout(this.closeTimer);
    this.closeCursors();
    this.output?.unsubscribe();
    done(error);
  }

  /** Returns the next text to send; undefined if there is none now. */
  private next(): string | undefined {
    if (this.output === undefined) return this.nextEvent();
    const event = (this.pendingEvent ??= this.cursor.next());
    const output = this.output.cursor.next(event && eventNumber(event));
    if (output !== undefined || event === undefined) return output;
    this.pendingEvent = undefined;
    return formatSse(event);
  }

  private nextEvent(): string | undefined {
    const event = this.cursor.next();
    return event && formatSse(event);
  }

  private end(): void {
    this.ended = true;
    this.waiting = false;
    this.closeCursors();
    this.push(null);
  }

  private wait(): void {
    this.waiting = true;
    const wake = (): void => {
      if (this.waiting) this._read();
    };
    this.cursor.onMore(wake);
    this.output?.cursor.onMore(wake);
  }

  private closeCursors(): void {
    this.cursor.close();
    this.output?.cursor.close();
  }

  private tick(): void {
    if (this.waiting && this.readableLength === 0) {
      this.push(SSE_KEEPALIVE);
      return;
    }
    this.stalledIntervals++;
    if (this.stalledIntervals >= 2) this.destroy();
  }
}
