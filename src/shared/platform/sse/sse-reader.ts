import { setTimeout as delay } from 'node:timers/promises';
import { readConnection, type SseEvent, type SseOpener } from './sse-connection.js';
import { SseFault } from './sse-fault.js';

/** Which feed to read, and how patiently; all times are in milliseconds. */
export interface SseOptions {
  readonly http: SseOpener;
  /** Absolute. */
  readonly url: string;
  /** Begin after this event, as far as the server remembers it. */
  readonly lastEventId?: string;
  /** A connection without a byte for this long is dead (default 45,000: three keepalives of the server). */
  readonly quietMs?: number;
  /** Connections in a row that bring nothing at all before it gives up (default: never). */
  readonly maxAttempts?: number;
  /** The wait before the next attempt; it doubles with each that brings nothing (default 500). */
  readonly firstDelayMs?: number;
  /** The longest wait between two attempts (default 30,000). */
  readonly maxDelayMs?: number;
  /** A longer event is a fault (default 8 Mi). */
  readonly maxEventChars?: number;
  /** Ends the reading, quietly. */
  readonly signal?: AbortSignal;
}

const DEFAULTS = {
  quietMs: 45_000,
  maxAttempts: Infinity,
  firstDelayMs: 500,
  maxDelayMs: 30_000,
  maxEventChars: 8 * 1024 * 1024,
} as const;

/**
 * Reads a feed of Server-Sent Events. A connection that ends, breaks off or falls silent is made anew after a jittered
 * wait, with `Last-Event-ID` of the last event that was given; so the reader sees each event once, as far as the server
 * remembers. It goes on until the consumer breaks off or `signal` aborts. Throws an SseFault where the server refuses
 * the feed, is lost for `maxAttempts`, or sends an event that is too large.
 */
export async function* readSse(options: SseOptions): AsyncGenerator<SseEvent, void> {
  const settings = { ...DEFAULTS, ...options };
  const position = { lastEventId: options.lastEventId };
  for (let failures = 0; ;) {
    const end = yield* readConnection({ ...settings, position, signal: options.signal });
    if (isAborted(options.signal)) return;
    if (end.kind === 'fatal') throw end.fault;

    failures = end.heard ? 0 : failures + 1;
    if (failures >= settings.maxAttempts) {
      throw new SseFault('feed_lost', `${end.reason}; ${failures} attempts in a row brought nothing`);
    }
    await pause(Math.min(settings.maxDelayMs, settings.firstDelayMs * 2 ** failures), options.signal);
    if (isAborted(options.signal)) return;
  }
}

/** A function, because a signal changes behind the back of the control flow that the compiler sees. */
const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

/** Waits between half of `ms` and all of it, so that readers do not all come back at once; an abort ends it. */
const pause = async (ms: number, signal: AbortSignal | undefined): Promise<void> => {
  const jittered = ms * (0.5 + Math.random() / 2);
  try {
    await delay(jittered, undefined, signal === undefined ? {} : { signal });
  } catch (thrown) {
    if (!isAborted(signal)) throw thrown;
  }
};
