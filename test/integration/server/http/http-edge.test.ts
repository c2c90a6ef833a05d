import { once } from 'node:events';
import { connect } from 'node:net';
import { Controller, Get, HttpException, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestOrigin } from '../../../../src/server/http/request-origin.js';
import { RefusedRequest } from '../../../../src/server/http/refused-request.js';
import { DevChefServer } from '../../../dev-chef-server/dev-chef-server.js';
import { type HttpApp, startHttpApp } from '../../../support/http-app.js';
import { sendBytes, sendHttp } from '../../../support/http-request.js';

const BODY_LIMIT = 1_000_000;
const TOO_LARGE = { error: 'JSON must be no more than 1000000 bytes.' };

@Controller('things')
class ThingsController {
  @Get()
  list(@Req() request: FastifyRequest): unknown {
    return { origin: requestOrigin(request) };
  }

  @Post()
  echo(@Req() request: FastifyRequest): unknown {
    const { body } = request;
    return { isBuffer: Buffer.isBuffer(body), body: Buffer.isBuffer(body) ? body.toString('base64') : null };
  }

  @Get('begun/answer')
  begin(@Res() reply: FastifyReply): void {
    reply.raw.writeHead(200, { 'Content-Length': '10' });
    reply.raw.write('half');
    throw new Error('in the middle');
  }

  @Get(':name')
  show(@Param('name') name: string): unknown {
    switch (name) {
      case 'bug':
        throw new TypeError('a secret of the inside');
      case 'refused':
        throw new RefusedRequest({
          status: 404,
          error: ['nothing of that name'],
          headers: { 'X-Hint': 'none' },
        });
      case 'invalid':
        throw new RefusedRequest({ status: 400, error: 'a plain text' });
      case 'teapot':
        throw new HttpException('short and stout', 418);
      default:
        return { name };
    }
  }
}

let chef: DevChefServer;
let app: HttpApp;

beforeAll(async () => {
  chef = await DevChefServer.start();
  app = await startHttpApp({
    chef,
    controllers: [ThingsController],
    limits: { headersTimeoutMs: 400, requestTimeoutMs: 800, checkIntervalMs: 50 },
  });
});

afterAll(async () => {
  await app.close();
  await chef.stop();
});

describe('paths', () => {
  it.each([
    ['a trailing slash', '/things/a/', 'a'],
    ['runs of slashes', '//things///a', 'a'],
    ['an escaped slash belongs to the name', '/things/a%2fb', 'a/b'],
    ['an escaped NUL belongs to the name', '/things/a%00b', 'a\0b'],
    ['a name of 4,000 characters', `/things/${'n'.repeat(4000)}`, 'n'.repeat(4000)],
    ['a query', '/things/a?b=c', 'a'],
  ])('%s', async (_what, path, name) => {
    expect(await sendHttp(app.url, { path })).toMatchObject({ status: 200, json: { name } });
  });

  it.each([
    ['an unknown one', 'GET', '/nothing'],
    ['an unknown one with a method that nobody serves', 'PROPFIND', '/nothing'],
    ['one that ends before its parameter', 'DELETE', '/'],
    ['one level too deep', 'GET', '/things/a/b/c'],
    ['in capitals', 'GET', '/THINGS'],
  ])('%s is 404', async (_what, method, path) => {
    const answer = await sendHttp(app.url, { method, path });
    expect(answer).toMatchObject({ status: 404, json: { error: ['there is no such resource'] } });
    expect(answer.headers['content-type']).toContain('application/json');
  });

  it('an unknown one is 404 even with a body that is too large', async () => {
    const answer = await sendHttp(app.url, {
      method: 'POST',
      path: '/nothing',
      body: 'x'.repeat(BODY_LIMIT + 1),
    });
    expect(answer.status).toBe(404);
  });

  it('one with a broken escape is 400', async () => {
    expect(await sendHttp(app.url, { path: '/things/%zz' })).toMatchObject({
      status: 400,
      json: { error: ['the path is not a valid URL path'] },
    });
  });
});

describe('methods that a path does not serve are 405 with those that it does', () => {
  it.each(['OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'QUERY', 'SEARCH'])(
    '%s',
    async (method) => {
      const answer = await sendHttp(app.url, { method, path: '/things/' });
      expect(answer).toMatchObject({
        status: 405,
        headers: { allow: 'GET, POST' },
        json: { error: [`${method} is not allowed here, only GET, POST`] },
      });
    },
  );

  it('HEAD', async () => {
    expect(await sendHttp(app.url, { method: 'HEAD', path: '/things/a' })).toMatchObject({
      status: 405,
      headers: { allow: 'GET' },
      text: '',
    });
  });

  it('before a body that is too large', async () => {
    const body = 'x'.repeat(BODY_LIMIT + 1);
    expect(await sendHttp(app.url, { method: 'PUT', path: '/things', body })).toMatchObject({ status: 405 });
  });
});

describe('bodies', () => {
  it.each([
    ['JSON', 'application/json', Buffer.from('{"__proto__":1}')],
    ['JSON that is none', 'application/json; charset=utf-8', Buffer.from('{')],
    ['an empty one', 'application/json', Buffer.alloc(0)],
    ['text', 'text/plain', Buffer.from('text')],
    ['a form', 'application/x-www-form-urlencoded', Buffer.from('a=b')],
    ['bytes', 'application/octet-stream', Buffer.from([0, 255, 254])],
    ['gzip is not unpacked', 'application/json', Buffer.from('1f8b08', 'hex')],
    ['one of exactly the limit', 'application/json', Buffer.alloc(BODY_LIMIT, 'x')],
  ])('%s comes as it was sent', async (_what, type, body) => {
    const answer = await sendHttp(app.url, {
      method: 'POST',
      path: '/things',
      headers: { 'Content-Type': type },
      body,
    });
    expect(answer).toMatchObject({ status: 201, json: { isBuffer: true, body: body.toString('base64') } });
  });

  it('one byte more than the limit is 413', async () => {
    const body = 'x'.repeat(BODY_LIMIT + 1);
    const headers = { 'Content-Type': 'application/json' };
    const answer = await sendHttp(app.url, { method: 'POST', path: '/things', headers, body });
    expect(answer).toMatchObject({ status: 413, json: TOO_LARGE });
  });

  it('too large is 413 even where the type cannot be read', async () => {
    const body = 'x'.repeat(BODY_LIMIT + 1);
    const headers = { 'Content-Type': '???' };
    const answer = await sendHttp(app.url, { method: 'POST', path: '/things', headers, body });
    expect(answer).toMatchObject({ status: 413, json: TOO_LARGE });
  });

  it('a type that cannot be read is 415', async () => {
    const headers = { 'Content-Type': '???' };
    const answer = await sendHttp(app.url, { method: 'POST', path: '/things', headers, body: '{}' });
    expect(answer).toMatchObject({ status: 415, json: { error: ['Content-Type must be application/json'] } });
  });

  it('chunks without end are 413 as soon as they are too many', async () => {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => socket.destroy()); // the server has said enough and hangs up
    socket.write('POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n');
    socket.write('Transfer-Encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const more = (): void => {
      if (socket.writable) socket.write(chunk, more);
    };
    more();
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(answer.toString()).toContain('HTTP/1.1 413 Payload Too Large');
    expect(answer.toString()).toContain(JSON.stringify(TOO_LARGE));
  });
});

describe('senders who do not keep to HTTP', () => {
  const HEAD = 'POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
  const REQUEST_TIMEOUT = /^HTTP\/1\.1 408 .*\r\n\r\n\{"error":\["the request did not come in time"\]\}$/s;

  it.each([
    ['headers that never end', 'GET /things HTTP/1.1\r\nHost: a\r\n'],
    ['a body that never ends', `${HEAD}Content-Length: 10\r\n\r\n{}`],
    ['chunks that never end', `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`],
  ])('%s are cut off in time', async (_what, bytes) => {
    expect(await sendBytes(app.url, bytes)).toMatch(REQUEST_TIMEOUT);
  });

  it('a refused request whose body never ends is answered at once and cut off in time', async () => {
    const answer = await sendBytes(
      app.url,
      'PUT /things HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{}',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
  });

  it.each([
    ['headers of 100 kB', `GET /things HTTP/1.1\r\nHost: a\r\nX-Large: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
    ['a path of 100 kB', `GET /things/${'x'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['a method that is none', 'FOO /things HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['two lengths', `${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
    ['a length and chunks', `${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a length that is none', `${HEAD}Content-Length: -1\r\n\r\n{}`, 400],
    ['chunks that are none', `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['no Host', 'GET /things HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['an empty Host', 'GET /things HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n', 400],
    ['a Host that is none', 'GET /things HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', 400],
    ['a Host of HTTP/1.0 that is none', 'GET /things HTTP/1.0\r\nHost: a/b\r\n\r\n', 400],
    ['an unknown path without Host', 'GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n', 404],
  ])('%s get a clear answer', async (_what, bytes, status) => {
    const answer = await sendBytes(app.url, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*"error":\\["`, 's'));
  });

  it('one who expects what nobody knows is served as if he did not', async () => {
    const answer = await sendBytes(
      app.url,
      'GET /things HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*"origin":"http:\/\/a"/s);
  });

  it('one who hangs up in the middle of a body is no fault of the server', async () => {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    socket.write(`${HEAD}Content-Length: 10\r\n\r\n{}`, () => socket.resetAndDestroy());
    await once(socket, 'close');
    expect(await sendHttp(app.url, { path: '/things' })).toMatchObject({ status: 200 });
    expect(app.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('errors of handlers', () => {
  it.each([
    ['a list of texts', 'refused', 404, { error: ['nothing of that name'] }],
    ['a plain text', 'invalid', 400, { error: 'a plain text' }],
    ['an exception of Nest', 'teapot', 418, { error: ['short and stout'] }],
  ])('%s', async (_what, name, status, json) => {
    const answer = await sendHttp(app.url, { path: `/things/${name}` });
    expect(answer).toMatchObject({ status, json });
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it('headers of a refusal are sent', async () => {
    expect((await sendHttp(app.url, { path: '/things/refused' })).headers['x-hint']).toBe('none');
  });

  it('a bug is 500 without a word of it, and in the log under the id of the answer', async () => {
    const answer = await sendHttp(app.url, { path: '/things/bug' });
    expect(answer.status).toBe(500);
    const [, id = ''] = /under request (\S+)"/.exec(answer.text) ?? [];
    expect(answer.json).toEqual({
      error: [`internal error; the server's log tells more under request ${id}`],
    });
    expect(app.log).toContainEqual(
      expect.objectContaining({
        level: 'error',
        request: id,
        err: expect.objectContaining({ message: 'a secret of the inside' }) as unknown,
      }),
    );
  });
});

describe('an answer that has begun', () => {
  it('is cut off where its handler fails, so that nobody takes it for whole', async () => {
    await expect(sendHttp(app.url, { path: '/things/begun/answer' })).rejects.toThrow('aborted');
    expect(app.log).toContainEqual(
      expect.objectContaining({ err: expect.objectContaining({ message: 'in the middle' }) as unknown }),
    );
  });
});

describe('the address under which a sender sees the server', () => {
  it.each([
    ['of the connection', { Host: 'push.example.com:10003' }, 'http://push.example.com:10003'],
    [
      'behind a proxy with TLS',
      { Host: 'chef.example.com', 'X-Forwarded-Proto': 'https' },
      'https://chef.example.com',
    ],
    ['without the port of HTTPS', { Host: 'a:443', 'X-Forwarded-Proto': 'https' }, 'https://a'],
    ['without the port of HTTP', { Host: 'a:80' }, 'http://a'],
    ['of IPv6', { Host: '[::1]:8443' }, 'http://[::1]:8443'],
    ['with a made-up scheme', { Host: 'a', 'X-Forwarded-Proto': 'javascript' }, 'http://a'],
    ['not what the proxy calls itself', { Host: 'a', 'X-Forwarded-Host': 'evil.example.com' }, 'http://a'],
  ])('%s', async (_what, headers, origin) => {
    expect((await sendHttp(app.url, { path: '/things', headers })).json).toEqual({ origin });
  });

  it('of HTTP/1.0, which knows no Host', async () => {
    const answer = await sendBytes(app.url, 'GET /things HTTP/1.0\r\n\r\n');
    expect(answer).toContain(JSON.stringify({ origin: app.url }));
  });
});
