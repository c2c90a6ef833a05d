import { setTimeout as delay } from 'node:timers/promises';
import { readConnection, type SseEvent, SseFault, type SseOpener } from './sse-connection.js';

/** Which feed to read; all times are in milliseconds. */
export interface SseOptions {
  readonly http: SseOpener;
  /** Absolute. */
  readonly url: string;
  /** Start after this event, if the server still has it. */
  readonly lastEventId?: string;
  /** A connection without a byte for this long is dead (default 45,000: three keepalives of the server). */
  readonly quietMs?: number;
  /** Gives up after this many connections in a row without a byte (default: never). */
  readonly maxAttempts?: number;
  /** Delay before the first retry; it doubles with each failed attempt (default 500). */
  readonly firstDelayMs?: number;
  /** Maximum delay between two attempts (default 30,000). */
  readonly maxDelayMs?: number;
  /** A longer event is a fault (default 8 Mi). */
  readonly maxEventChars?: number;
  /** Ends reading without an error. */
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
 * Reads a feed of Server-Sent Events. Reconnects with jittered exponential backoff and `Last-Event-ID`, so that the
 * consumer gets each event once, as far as the server still has it. Ends when the consumer stops or `signal` aborts.
 * Throws an SseFault if the server rejects the feed, `maxAttempts` fail in a row, or an event is too long.
 */
export async function* readSse(options: SseOptions): AsyncGenerator<SseEvent, void> {
  const settings = { ...DEFAULTS, ...options };
  const position = { lastEventId: options.lastEventId };
  for (let failures = 0; ;) {
    const end = yield* readConnection({ ...settings, position, signal: options.signal });
    if (isAborted(options.signal)) return;
    if (end.kind === 'fatal') throw end.fault;

    failures = end.hasReceived ? 0 : failures + 1;
    if (failures >= settings.maxAttempts) {
      throw new SseFault('feed_lost', `${end.reason}; ${failures} attempts in a row failed`);
    }
    await pause(Math.min(settings.maxDelayMs, settings.firstDelayMs * 2 ** failures), options.signal);
    if (isAborted(options.signal)) return;
  }
}

/** A function, because the compiler does not know that `aborted` can change between two reads. */
const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

/** Waits between half of `ms` and `ms`, so that readers do not all reconnect at once; an abort ends the wait. */
const pause = async (ms: number, signal: AbortSignal | undefined): Promise<void> => {
  const jittered = ms * (0.5 + Math.random() / 2);
  try {
    await delay(jittered, undefined, signal === undefined ? {} : { signal });
  } catch (thrown) {
    if (!isAborted(signal)) throw thrown;
  }
};
