import { createParser, type EventSourceParser } from 'eventsource-parser';
import { AppError, messageOf } from '../../lib/app-error.js';
import type { Result } from '../../lib/result.js';
import type { HttpFault, HttpRequest, HttpStream } from '../http/http-exchange.js';

/**
 * Why a feed cannot be read. `feed_refused`: the response is not a feed; `feed_lost`: too many attempts in a row failed;
 * `feed_malformed`: an event is too long.
 */
export class SseFault extends AppError {
  constructor(
    code: 'feed_refused' | 'feed_lost' | 'feed_malformed',
    message: string,
    /** The response, if there was one that is not a feed. */
    readonly response?: { readonly status: number; readonly body: Buffer },
  ) {
    super(code, message);
    this.name = 'SseFault';
  }
}

/** One event of a feed; the name defaults to `message`. */
export interface SseEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Opens a feed; `HttpClient` and `SignedHttp` do. */
export interface SseOpener {
  open(request: HttpRequest): Promise<Result<HttpStream, HttpFault>>;
}

/** How one connection to a feed is made. */
export interface SseConnectionOptions {
  readonly http: SseOpener;
  /** Absolute. */
  readonly url: string;
  /** How far the feed was read: the connection starts after this event and updates it. */
  readonly position: { lastEventId: string | undefined };
  /** After this many milliseconds without a byte the connection counts as dead. */
  readonly quietMs: number;
  /** A longer event is a fault. */
  readonly maxEventChars: number;
  readonly signal: AbortSignal | undefined;
}

/** How a connection ended: `lost` can be retried, `fatal` cannot. */
export type SseEnd =
  | {
      readonly kind: 'lost';
      readonly reason: string;
      /** Whether any byte of a feed arrived. */
      readonly hasReceived: boolean;
    }
  | { readonly kind: 'fatal'; readonly fault: SseFault };

/** Responses to which a retry can help. */
const RETRYABLE_STATUSES = [429, 500, 502, 503, 504];

/** At most this much of a rejection's body is kept. */
const MAX_REJECTION_BYTES = 64 * 1024;

/** Makes one connection, yields its events as they arrive, and returns how it ended. Never yields an incomplete event. */
export async function* readConnection(options: SseConnectionOptions): AsyncGenerator<SseEvent, SseEnd> {
  const { position, quietMs, signal } = options;
  const silence = new AbortController();
  const watchdog = setTimeout(() => silence.abort(), quietMs);
  const buffer = new EventBuffer(options.maxEventChars);
  let hasReceived = false;
  const lost = (reason: string): SseEnd => ({
    kind: 'lost',
    reason: silence.signal.aborted ? `${options.url} was silent for ${quietMs} ms` : reason,
    hasReceived,
  });
  try {
    const opened = await options.http.open({
      method: 'GET',
      url: options.url,
      headers: {
        Accept: 'text/event-stream',
        ...(position.lastEventId === undefined ? {} : { 'Last-Event-ID': position.lastEventId }),
      },
      signal: signal === undefined ? silence.signal : AbortSignal.any([silence.signal, signal]),
    });
    if (!opened.ok) return lost(opened.error.reason);
    if (!isFeed(opened.value)) return await endOfRejected(options.url, opened.value, lost);
    for await (const chunk of opened.value.body as AsyncIterable<Buffer>) {
      hasReceived = true;
      watchdog.refresh();
      for (const event of buffer.add(chunk)) {
        position.lastEventId = event.id ?? position.lastEventId;
        yield event;
      }
      if (buffer.overflowed) return { kind: 'fatal', fault: tooLarge(options) };
    }
    return lost(`${options.url} ended the feed`);
  } catch (thrown) {
    return lost(`${options.url} broke off: ${messageOf(thrown)}`);
  } finally {
    clearTimeout(watchdog);
  }
}

/** Assembles events from the bytes of a feed. */
class EventBuffer {
  overflowed = false;
  private readonly decoder = new TextDecoder();
  private readonly parser: EventSourceParser;
  private events: SseEvent[] = [];

  constructor(maxEventChars: number) {
    this.parser = createParser({
      maxBufferSize: maxEventChars,
      onEvent: ({ event = 'message', id, data }) => this.events.push({ name: event, id, data }),
      onError: ({ type }) => (this.overflowed ||= type === 'max-buffer-size-exceeded'),
    });
  }

  /** Returns the events that this chunk completes. */
  add(chunk: Buffer): readonly SseEvent[] {
    this.events = [];
    this.parser.feed(this.decoder.decode(chunk, { stream: true }));
    return this.events;
  }
}

const isFeed = ({ status, headers }: HttpStream): boolean =>
  status === 200 && String(headers['content-type']).toLowerCase().startsWith('text/event-stream');

const endOfRejected = async (
  url: string,
  { status, headers, body }: HttpStream,
  lost: (reason: string) => SseEnd,
): Promise<SseEnd> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_REJECTION_BYTES) break;
  }
  if (RETRYABLE_STATUSES.includes(status)) return lost(`${url} answered with status ${status}`);
  const what = status === 200 ? `${String(headers['content-type'])}, not a feed` : `status ${status}`;
  const response = { status, body: Buffer.concat(chunks) };
  return { kind: 'fatal', fault: new SseFault('feed_refused', `${url} answered with ${what}`, response) };
};

const tooLarge = ({ url, maxEventChars }: SseConnectionOptions): SseFault =>
  new SseFault('feed_malformed', `${url} sent an event of more than ${maxEventChars} characters`);
