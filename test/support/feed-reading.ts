import type { Readable } from 'node:stream';
import { createParser } from 'eventsource-parser';
import type { ResponseHeaders } from '../../src/shared/platform/http/http-exchange.js';
import { eventually } from './eventually.js';
import { ORG, type ServerUnderTest } from './server-under-test.js';

/** One event of a feed, its data parsed. */
export interface ReadEvent {
  readonly id: string;
  readonly name: string;
  readonly data: { readonly timestamp: string } & Readonly<Record<string, unknown>>;
}

/** A feed that is being read; keeps every byte. Close it when the test is over, unless it has ended. */
export class FeedReading {
  /** All bytes so far, as text. */
  text = '';
  ended = false;

  private constructor(
    readonly status: number,
    readonly headers: ResponseHeaders,
    private readonly body: Readable,
  ) {
    body.setEncoding('utf8');
    body.on('data', (chunk: string) => (this.text += chunk));
    body.on('close', () => (this.ended = true));
    body.on('error', () => undefined); // cut off: seen by `close`
  }

  /** Opens the feed of a job, or of the organization where no job is given; `query` is like `?output=true`. */
  static async open(
    server: ServerUnderTest,
    jobId?: string,
    lastEventId?: string,
    query = '',
  ): Promise<FeedReading> {
    const path = jobId === undefined ? '' : `/${jobId}`;
    const answer = await server.as().open({
      method: 'GET',
      url: server.url(`/organizations/${ORG}/pushy/job_status_feed${path}${query}`),
      headers: {
        Accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
      },
    });
    if (!answer.ok) throw new Error(answer.error.reason);
    const { status, headers, body } = answer.value;
    return new FeedReading(status, headers, body);
  }

  /** The events that have come whole. */
  get events(): ReadEvent[] {
    const events: ReadEvent[] = [];
    const parser = createParser({
      onEvent: ({ id = '', event = '', data }) =>
        events.push({ id, name: event, data: JSON.parse(data) as ReadEvent['data'] }),
    });
    parser.feed(this.text);
    return events;
  }

  /** Each event as its name and the values of its data but the timestamp: `quorum_vote web1 success`. */
  get lines(): string[] {
    return this.events.map(({ name, data }) => {
      const { timestamp: _timestamp, ...rest } = data;
      return name === 'start' ? name : [name, ...Object.values(rest)].join(' ');
    });
  }

  /** Waits until such a line has come. */
  async until(line: string): Promise<void> {
    await eventually(() => {
      if (!this.lines.includes(line)) throw new Error(`no '${line}' yet: ${this.lines.join('; ')}`);
      return true;
    });
  }

  /** Waits until the server has ended the feed; resolves to what `lines` are then. */
  async end(): Promise<string[]> {
    await eventually(() => {
      if (!this.ended) throw new Error(`it goes on: ${this.lines.join('; ')}`);
      return true;
    });
    return this.lines;
  }

  close(): void {
    this.body.destroy();
  }
}

/** Reads a job's whole feed to its end. */
export const wholeFeed = async (server: ServerUnderTest, jobId: string): Promise<string[]> =>
  (await FeedReading.open(server, jobId)).end();
