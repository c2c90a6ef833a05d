import { EventEmitter, getEventListeners, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpClient } from '../../../../../src/shared/platform/http/http-client.js';
import type { HttpRequest } from '../../../../../src/shared/platform/http/http-exchange.js';

const A_MINUTE = 60_000;

/** Requests at the server: `METHOD path body`. */
let received: string[];
/** Emits the response object of every request, by its path. */
let responses: EventEmitter;
let server: Server;
let client: HttpClient;

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const path = request.url ?? '';
  received.push(`${request.method} ${path} ${Buffer.concat(chunks).toString()}`.trim());
  if (!responses.emit(path, response)) response.end(path);
};

beforeEach(async () => {
  received = [];
  responses = new EventEmitter();
  server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = new HttpClient({ connections: 1 });
});
afterEach(async () => {
  await client.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** A request with a long timeout. */
const get = (path: string, over: Partial<HttpRequest> = {}): HttpRequest => {
  const { port } = server.address() as AddressInfo;
  return { method: 'GET', url: `http://127.0.0.1:${port}${path}`, timeoutMs: A_MINUTE, ...over };
};

/** Sets how the server answers a path. */
const on = (path: string, say: (response: ServerResponse) => void): void => {
  responses.on(path, say);
};

/** Answers ten bytes in two pieces, without Content-Length. */
const bytesInPieces = (response: ServerResponse): void => {
  response.write('12345');
  response.end('67890');
};

describe('a buffered response', () => {
  it('has its status, headers in lower case and complete body', async () => {
    on('/a', (response) => {
      response.writeHead(404, { 'X-One': 'one', 'Set-Cookie': ['a=1', 'b=2'] });
      response.write('not ');
      setImmediate(() => response.end('here'));
    });
    const sent = await client.send(get('/a'));
    expect(sent).toMatchObject({
      ok: true,
      value: { status: 404, headers: { 'x-one': 'one', 'set-cookie': ['a=1', 'b=2'] } },
    });
    expect(sent.ok && sent.value.body.toString()).toBe('not here');
  });

  it.each([204, 304])('has an empty body for status %s', async (status) => {
    on('/a', (response) => response.writeHead(status).end());
    expect(await client.send(get('/a'))).toMatchObject({ value: { status, body: Buffer.alloc(0) } });
  });

  it('is the final one after informational responses', async () => {
    on('/a', (response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</style>; rel=preload' });
      response.end('at last');
    });
    const sent = await client.send(get('/a'));
    expect(sent).toMatchObject({ ok: true, value: { status: 200, body: Buffer.from('at last') } });
    expect(sent.ok && sent.value.headers.link).toBeUndefined();
  });

  it('can be as long as the limit', async () => {
    on('/a', bytesInPieces);
    expect(await client.send(get('/a', { maxBytes: 10 }))).toMatchObject({
      value: { body: Buffer.from('1234567890') },
    });
  });

  it.each([
    ['in pieces', bytesInPieces],
    ['with Content-Length', (response: ServerResponse) => response.end('1234567890')],
    [
      'ended by the end of its connection',
      (response: ServerResponse) => {
        response.socket?.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n1234567890');
      },
    ],
    [
      'the last one of its connection',
      (response: ServerResponse) => {
        response.setHeader('Connection', 'close');
        response.end('1234567890');
      },
    ],
  ])('fails if it is longer, and the next request succeeds: %s', async (_, say) => {
    on('/long', say);
    const sent = client.send(get('/long', { maxBytes: 9 }));
    const next = client.send(get('/next'));
    expect(await sent).toMatchObject({
      error: { kind: 'too_large', reason: expect.stringContaining('9 bytes') as string },
    });
    expect(await next).toMatchObject({ value: { body: Buffer.from('/next') } });
  });

  it('fails if the connection breaks before its end', async () => {
    on('/a', (response) => {
      response.writeHead(200, { 'Content-Length': 10 });
      response.write('12345', () => response.socket?.resetAndDestroy());
    });
    expect(await client.send(get('/a'))).toMatchObject({ ok: false, error: { kind: 'unreachable' } });
  });
});

describe('a request that times out', () => {
  it('is cancelled within its response, and its connection is closed', async () => {
    const gone = new Promise((resolve) => {
      on('/slow', (response) => {
        response.on('close', resolve);
        response.write('1');
      });
    });
    const sent = await client.send(get('/slow', { timeoutMs: 50 }));
    expect(sent).toMatchObject({
      error: { kind: 'timeout', reason: expect.stringContaining('50 ms') as string, mayHaveArrived: true },
    });
    await gone;
    expect(await client.send(get('/next'))).toMatchObject({ ok: true });
  });

  it('is never sent if it still waits for a connection', async () => {
    const asked = once(responses, '/held');
    const held = client.send(get('/held'));
    const [response] = (await asked) as [ServerResponse];
    expect(await client.send(get('/late', { timeoutMs: 10 }))).toMatchObject({
      error: { kind: 'timeout', mayHaveArrived: false },
    });
    response.end('held');
    expect(await held).toMatchObject({ value: { body: Buffer.from('held') } });
    expect(await client.send(get('/next'))).toMatchObject({ value: { body: Buffer.from('/next') } });
    expect(received).toEqual(['GET /held', 'GET /next']);
  });
});

describe('an aborted request', () => {
  it('ends at once and removes its abort listener', async () => {
    const caller = new AbortController();
    const asked = once(responses, '/held');
    const held = client.send(get('/held', { signal: caller.signal }));
    const queued = client.send(get('/queued', { signal: caller.signal }));
    await asked;
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(2);
    caller.abort();
    for (const sent of [held, queued]) {
      expect(await sent).toMatchObject({
        error: { kind: 'aborted', reason: expect.stringContaining('aborted') as string },
      });
    }
    expect(await client.send(get('/late', { signal: caller.signal }))).toMatchObject({
      error: { kind: 'aborted' },
    });
    expect(await client.send(get('/next'))).toMatchObject({ ok: true });
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    expect(received).toEqual(['GET /held', 'GET /next']);
  });

  it('has no abort listener after its response', async () => {
    const { signal } = new AbortController();
    await client.send(get('/a', { signal }));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('a request', () => {
  it('is sent once with its body, over the previous connection', async () => {
    const connections: unknown[] = [];
    server.on('connection', (socket) => connections.push(socket));
    for (const body of ['one', 'two'])
      await client.send(get('/a', { method: 'POST', body: Buffer.from(body) }));
    expect(received).toEqual(['POST /a one', 'POST /a two']);
    expect(connections).toHaveLength(1);
  });

  it.each([
    ['an invalid address', { url: 'http://' }],
    ['an unsupported protocol', { url: 'ftp://127.0.0.1/' }],
    ['an invalid header', { headers: { 'X-One': 'a\nb' } }],
  ])('is a fault if it cannot be sent: %s', async (_, over) => {
    expect(await client.send(get('/a', over))).toMatchObject({ ok: false, error: { kind: 'unreachable' } });
    expect(received).toEqual([]);
  });

  it('fails when the client is closed, also if it waits for a connection', async () => {
    const asked = once(responses, '/held');
    const sent = [client.send(get('/held')), client.send(get('/queued'))];
    await asked;
    await client.close();
    for (const each of [...sent, client.send(get('/late'))]) {
      expect(await each).toMatchObject({ error: { kind: 'unreachable' } });
    }
    expect(received).toEqual(['GET /held']);
  });
});
