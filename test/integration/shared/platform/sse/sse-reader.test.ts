import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpClient } from '../../../../../src/shared/platform/http/http-client.js';
import type { SseEvent, SseFault } from '../../../../../src/shared/platform/sse/sse-connection.js';
import { readSse, type SseOptions } from '../../../../../src/shared/platform/sse/sse-reader.js';
import { eventually } from '../../../../support/eventually.js';
import {
  type ScriptedHttpServer,
  type ScriptStep,
  startScriptedHttpServer,
} from '../../../../support/scripted-http-server.js';

let server: ScriptedHttpServer;
let http: HttpClient;

const start = async (...steps: ScriptStep[]) => {
  server = await startScriptedHttpServer(...steps);
  http = new HttpClient();
};

afterEach(async () => {
  await http.close();
  await server.close();
});

const beginFeed = (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });

/** Writes each chunk separately, then ends the response, breaks it, or leaves it open. */
const feed =
  (chunks: readonly (string | Buffer)[], then: 'end' | 'break' | 'hold' = 'hold'): ScriptStep =>
  async (response) => {
    beginFeed(response).flushHeaders();
    for (const chunk of chunks) await new Promise((resolve) => response.write(chunk, resolve));
    if (then === 'end') response.end();
    if (then === 'break') response.destroy();
  };

const event = (number: number) => `event: tick\nid: e-${number}\ndata: ${number}\n\n`;

const options = (more: Partial<SseOptions> = {}): SseOptions => ({
  http,
  url: server.url,
  firstDelayMs: 1,
  maxDelayMs: 5,
  ...more,
});

const take = async (count: number, more?: Partial<SseOptions>): Promise<SseEvent[]> => {
  const events: SseEvent[] = [];
  for await (const each of readSse(options(more))) {
    events.push(each);
    if (events.length === count) break;
  }
  return events;
};

const faultOf = async (more?: Partial<SseOptions>): Promise<SseFault> =>
  take(1, more).then(
    () => expect.unreachable('the feed could be read'),
    (thrown: unknown) => thrown as SseFault,
  );

const lastEventIds = () => server.requests.map(({ headers }) => headers['last-event-id']);

describe('a feed that is read', () => {
  it('yields name, id and data of each event and ignores comments', async () => {
    await start(
      feed([':keepalive\n\n', event(1), 'data: anonymous\n\n', 'event: tick\ndata: a\ndata: b\n\n']),
    );

    expect(await take(3)).toEqual([
      { name: 'tick', id: 'e-1', data: '1' },
      { name: 'message', id: undefined, data: 'anonymous' },
      { name: 'tick', id: undefined, data: 'a\nb' },
    ]);
    expect(server.requests[0]?.headers).toMatchObject({ accept: 'text/event-stream' });
    expect(lastEventIds()).toEqual([undefined]);
  });

  it('assembles events from any pieces, even within a character', async () => {
    const bytes = Buffer.from('event: tick\r\nid: e-1\r\ndata: h\u00e9 ☃\r\n\r\n');
    await start(feed([...bytes].map((byte) => Buffer.from([byte]))));

    expect(await take(1)).toEqual([{ name: 'tick', id: 'e-1', data: 'hé ☃' }]);
  });

  it('accepts an event of megabytes', async () => {
    const data = 'x'.repeat(4 * 1024 * 1024);
    await start(feed([`data: ${data}\n\n`]));

    expect((await take(1))[0]?.data).toBe(data);
  });

  it('starts after a given event', async () => {
    await start(feed([event(8)]));
    await take(1, { lastEventId: 'e-7' });

    expect(lastEventIds()).toEqual(['e-7']);
  });

  it('closes its connection when the consumer stops', async () => {
    await start(feed([event(1)]));
    await take(1);

    await eventually(() => server.requests[0]?.socket.destroyed);
  });
});

describe('a lost connection', () => {
  it.each(['end', 'break'] as const)('is retried after the last event (%s)', async (how) => {
    await start(feed([event(1), event(2)], how), feed([event(3)], how), feed([event(4)]));

    expect((await take(4)).map(({ data }) => data)).toEqual(['1', '2', '3', '4']);
    expect(lastEventIds()).toEqual([undefined, 'e-2', 'e-3']);
  });

  it('never yields an incomplete event', async () => {
    await start(feed([event(1), 'event: tick\nid: e-2\ndata: ha'], 'break'), feed([event(2)]));

    expect((await take(2)).map(({ data }) => data)).toEqual(['1', '2']);
    expect(lastEventIds()).toEqual([undefined, 'e-1']);
  });

  it('keeps the last id after an event without one', async () => {
    await start(feed([event(1), 'data: anonymous\n\n'], 'break'), feed([event(2)]));
    await take(3);

    expect(lastEventIds()).toEqual([undefined, 'e-1']);
  });

  it('is detected by silence', async () => {
    await start(feed([event(1)]), feed([event(2)]));

    expect((await take(2, { quietMs: 50 })).map(({ data }) => data)).toEqual(['1', '2']);
  });

  it('is not assumed while keepalives arrive', async () => {
    await start((response) => {
      beginFeed(response);
      let ticks = 0;
      const ticking = setInterval(() => {
        response.write(++ticks < 16 ? ':keepalive\n\n' : event(1));
      }, 40);
      response.on('close', () => clearInterval(ticking));
    });

    await take(1, { quietMs: 400 });
    expect(server.requests).toHaveLength(1);
  });

  it('is detected if there is no response', async () => {
    await start(() => undefined, feed([event(1)]));

    expect(await take(1, { quietMs: 50 })).toHaveLength(1);
  });

  it.each([429, 500, 502, 503, 504])('is retried after status %d', async (status) => {
    await start((response) => response.writeHead(status).end('not now'), feed([event(1)]));

    expect(await take(1)).toHaveLength(1);
  });

  it('is a fault after maxAttempts failures in a row', async () => {
    await start((response) => response.writeHead(503).end());
    const fault = await faultOf({ maxAttempts: 3 });

    expect(fault).toMatchObject({ name: 'SseFault', code: 'feed_lost' });
    expect(fault.message).toContain('answered with status 503; 3 attempts in a row failed');
    expect(server.requests).toHaveLength(3);
  });

  it('has all attempts again after a successful one', async () => {
    const refuse: ScriptStep = (response) => response.writeHead(503).end();
    await start(refuse, feed([event(1)], 'end'), refuse, feed([event(2)]));

    expect(await take(2, { maxAttempts: 2 })).toHaveLength(2);
  });
});

describe('a feed that cannot be read', () => {
  it.each([400, 401, 403, 404, 406])('fails at once with status and text: %d', async (status) => {
    await start((response) => response.writeHead(status).end('{"error":["no"]}'));
    const fault = await faultOf();

    expect(fault).toMatchObject({ code: 'feed_refused', response: { status } });
    expect(fault.response?.body.toString()).toBe('{"error":["no"]}');
    expect(server.requests).toHaveLength(1);
  });

  it('fails for the page of a proxy', async () => {
    await start((response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Log in'));

    expect((await faultOf()).message).toContain('answered with text/html, not a feed');
  });

  it('fails for an event beyond the limit', async () => {
    await start(feed([`data: ${'x'.repeat(2000)}`]));

    expect(await faultOf({ maxEventChars: 1000 })).toMatchObject({ code: 'feed_malformed' });
  });
});

describe('an abort', () => {
  const readUntilAborted = async (abortWhen: () => boolean | undefined, more?: Partial<SseOptions>) => {
    const controller = new AbortController();
    const reading = take(99, { ...more, signal: controller.signal });
    await eventually(abortWhen);
    controller.abort();
    return reading;
  };

  it('ends reading without an error', async () => {
    await start(feed([event(1)]));

    expect(await readUntilAborted(() => server.requests.length === 1)).toBeInstanceOf(Array);
  });

  it('ends the wait for the next attempt', async () => {
    await start((response) => response.writeHead(503).end());
    const patient = { firstDelayMs: 60_000, maxDelayMs: 60_000 };

    expect(await readUntilAborted(() => server.requests[0]?.complete, patient)).toEqual([]);
  });

  it('before the start prevents a connection', async () => {
    await start(feed([event(1)]));

    expect(await take(1, { signal: AbortSignal.abort() })).toEqual([]);
    expect(server.requests).toEqual([]);
  });
});
