import { createParser, type EventSourceParser } from 'eventsource-parser';
import { messageOf } from '../../lib/app-error.js';
import type { Result } from '../../lib/result.js';
import type { HttpFault, HttpRequest, HttpStream } from '../http/http-exchange.js';
import { SseFault } from './sse-fault.js';

/** One event of a feed; an event without a name of its own is a `message`. */
export interface SseEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** What opens a feed; both `HttpClient` and `SignedHttp` can. */
export interface SseOpener {
  open(request: HttpRequest): Promise<Result<HttpStream, HttpFault>>;
}

/** How one connection to a feed is made and judged. */
export interface SseConnectionOptions {
  readonly http: SseOpener;
  /** Absolute. */
  readonly url: string;
  /** How far the feed was read: the connection begins after it and moves it on. */
  readonly position: { lastEventId: string | undefined };
  /** Milliseconds without a single byte after which the connection counts as dead. */
  readonly quietMs: number;
  /** A longer event ends the reading. */
  readonly maxEventChars: number;
  readonly signal: AbortSignal | undefined;
}

/** How a connection ended: it broke off and may be made anew, or there is no sense in trying again. */
export type SseEnd =
  | {
      readonly kind: 'lost';
      readonly reason: string;
      /** Whether any byte of a feed came. */
      readonly heard: boolean;
    }
  | { readonly kind: 'fatal'; readonly fault: SseFault };

/** Answers that may be another one soon. */
const PASSING_STATUSES = [429, 500, 502, 503, 504];

/** As much of a refusal's text is kept. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/**
 * Makes one connection and gives its events as they come; returns how it ended. An event that the connection broke off
 * in the middle of is never given.
 */
export async function* readConnection(options: SseConnectionOptions): AsyncGenerator<SseEvent, SseEnd> {
  const { position, quietMs, signal } = options;
  const silence = new AbortController();
  const watchdog = setTimeout(() => silence.abort(), quietMs);
  const inbox = new Inbox(options.maxEventChars);
  let heard = false;
  const lost = (reason: string): SseEnd => ({
    kind: 'lost',
    reason: silence.signal.aborted ? `${options.url} was silent for ${quietMs} ms` : reason,
    heard,
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
    if (!isFeed(opened.value)) return await judgeRefusal(options.url, opened.value, lost);
    for await (const chunk of opened.value.body as AsyncIterable<Buffer>) {
      heard = true;
      watchdog.refresh();
      for (const event of inbox.take(chunk)) {
        position.lastEventId = event.id ?? position.lastEventId;
        yield event;
      }
      if (inbox.overflowed) return { kind: 'fatal', fault: tooLarge(options) };
    }
    return lost(`${options.url} ended the feed`);
  } catch (thrown) {
    return lost(`${options.url} broke off: ${messageOf(thrown)}`);
  } finally {
    clearTimeout(watchdog);
  }
}

/** Puts the bytes of a feed together to events. */
class Inbox {
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

  /** The events that are whole with this chunk. */
  take(chunk: Buffer): readonly SseEvent[] {
    this.events = [];
    this.parser.feed(this.decoder.decode(chunk, { stream: true }));
    return this.events;
  }
}

const isFeed = ({ status, headers }: HttpStream): boolean =>
  status === 200 && String(headers['content-type']).toLowerCase().startsWith('text/event-stream');

const judgeRefusal = async (
  url: string,
  { status, headers, body }: HttpStream,
  lost: (reason: string) => SseEnd,
): Promise<SseEnd> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_REFUSAL_BYTES) break;
  }
  if (PASSING_STATUSES.includes(status)) return lost(`${url} answered with status ${status}`);
  const what = status === 200 ? `${String(headers['content-type'])}, not a feed` : `status ${status}`;
  const answer = { status, body: Buffer.concat(chunks) };
  return { kind: 'fatal', fault: new SseFault('feed_refused', `${url} answered with ${what}`, answer) };
};

const tooLarge = ({ url, maxEventChars }: SseConnectionOptions): SseFault =>
  new SseFault('feed_malformed', `${url} sent an event of more than ${maxEventChars} characters`);
