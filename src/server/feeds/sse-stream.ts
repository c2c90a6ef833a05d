import { Readable } from 'node:stream';
import type { Cursor } from '../../shared/lib/durable-log.js';
import { LONGEST_TIMER_MS } from '../../shared/lib/timer.js';
import {
  eventNumber,
  type FeedEvent,
  formatSse,
  SSE_KEEPALIVE,
  type UnnumberedEvent,
} from '../../shared/protocol/feed-event.js';
import type { OutputReading } from './output-feeds.js';

/** When the server stops, a reader gets so many milliseconds to take what it has been sent. */
const FAREWELL_MS = 1_000;

/**
 * A feed as the bytes of a Server-Sent Events stream. It takes events only as its reader takes bytes, so a slow reader
 * costs no memory; one that takes nothing for two keepalives in a row, or falls behind what is remembered, is cut off.
 *
 * Where output is read with it, what had come before an event is sent before it, and no more: so a node's output stands
 * before its end, and output never holds events up for long.
 *
 * Modes: pulling (events are there and the reader wants more), waiting (for events), stuck (the reader takes
 * nothing), ended (the last event was sent, the server stops, or the reader is gone).
 */
export class SseStream extends Readable {
  private readonly keepalive: NodeJS.Timeout;
  private farewell: NodeJS.Timeout | undefined;
  private waiting = false;
  private ended = false;
  private stuckFor = 0;
  /** An event that waits until the output that came before it is sent. */
  private held: FeedEvent | undefined;

  constructor(
    private readonly cursor: Cursor<FeedEvent>,
    keepAliveMs: number,
    first?: FeedEvent | UnnumberedEvent,
    private readonly output?: OutputReading,
  ) {
    super({ encoding: 'utf8' });
    if (first !== undefined) this.push(formatSse(first));
    this.keepalive = setInterval(() => this.tick(), Math.min(keepAliveMs, LONGEST_TIMER_MS));
    this.keepalive.unref();
  }

  /** Ends the feed now, because the server stops; what has been sent so far is the last. */
  finish(): void {
    this.end();
    this.farewell ??= setTimeout(() => this.destroy(), FAREWELL_MS);
    this.farewell.unref();
  }

  override _read(): void {
    if (this.ended) return;
    this.stuckFor = 0;
    this.waiting = false;
    for (let text = this.next(); text !== undefined; text = this.next()) {
      if (!this.push(text)) return;
    }
    if (this.cursor.lost) this.destroy();
    else if (this.cursor.ended) this.end();
    else this.wait();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearInterval(this.keepalive);
    clearTimeout(this.farewell);
    this.closeCursors();
    this.output?.leave();
    done(error);
  }

  /** The text that is to be sent next; undefined where there is none now. */
  private next(): string | undefined {
    if (this.output === undefined) return this.nextEvent();
    const event = (this.held ??= this.cursor.next());
    const output = this.output.cursor.next(event && eventNumber(event));
    if (output !== undefined || event === undefined) return output;
    this.held = undefined;
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
    this.stuckFor++;
    if (this.stuckFor >= 2) this.destroy();
  }
}
