import type { Readable } from 'node:stream';
import { createParser } from 'eventsource-parser';
import type { ResponseHeaders } from '../../src/shared/platform/http/http-exchange.js';
import { eventually } from './eventually.js';
import { ORG, type ServerUnderTest } from './server-under-test.js';

/** An event of a feed with parsed data. */
export interface ParsedEvent {
  readonly id: string;
  readonly name: string;
  readonly data: { readonly timestamp: string } & Readonly<Record<string, unknown>>;
}

/** Reads a feed and keeps every byte. Close it at the end of the test unless the feed has ended. */
export class FeedReader {
  /** Everything received so far. */
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
    body.on('error', () => undefined); // an aborted connection also emits `close`
  }

  /** Opens the feed of a job, or of the organization without a job id; `query` is for example `?output=true`. */
  static async open(
    server: ServerUnderTest,
    jobId?: string,
    lastEventId?: string,
    query = '',
  ): Promise<FeedReader> {
    const path = jobId === undefined ? '' : `/${jobId}`;
    const opened = await server.as().open({
      method: 'GET',
      url: server.url(`/organizations/${ORG}/pushy/job_status_feed${path}${query}`),
      headers: {
        Accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
      },
    });
    if (!opened.ok) throw new Error(opened.error.reason);
    const { status, headers, body } = opened.value;
    return new FeedReader(status, headers, body);
  }

  /** The complete events so far. */
  get events(): ParsedEvent[] {
    const events: ParsedEvent[] = [];
    const parser = createParser({
      onEvent: ({ id = '', event = '', data }) =>
        events.push({ id, name: event, data: JSON.parse(data) as ParsedEvent['data'] }),
    });
    parser.feed(this.text);
    return events;
  }

  /** Each event as its name and the values of its data without the timestamp: `quorum_vote web1 success`. */
  get lines(): string[] {
    return this.events.map(({ name, data }) => {
      const { timestamp: _timestamp, ...rest } = data;
      return name === 'start' ? name : [name, ...Object.values(rest)].join(' ');
    });
  }

  /** Waits until `lines` contains this line. */
  async waitForLine(line: string): Promise<void> {
    await eventually(() => {
      if (!this.lines.includes(line)) throw new Error(`no '${line}' yet: ${this.lines.join('; ')}`);
      return true;
    });
  }

  /** Waits until the server has ended the feed; returns all lines. */
  async waitForEnd(): Promise<string[]> {
    await eventually(() => {
      if (!this.ended) throw new Error(`the feed has not ended: ${this.lines.join('; ')}`);
      return true;
    });
    return this.lines;
  }

  close(): void {
    this.body.destroy();
  }
}

/** Reads the feed of a job to its end. */
export const readWholeFeed = async (server: ServerUnderTest, jobId: string): Promise<string[]> =>
  (await FeedReader.open(server, jobId)).waitForEnd();
