import { once } from 'node:events';
import { connect } from 'node:net';
import { Controller, Get, HttpException, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestOrigin } from '../../../../src/server/http/request-origin.js';
import { RejectedRequest } from '../../../../src/server/http/rejected-request.js';
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

  @Get('begun/response')
  begin(@Res() reply: FastifyReply): void {
    reply.raw.writeHead(200, { 'Content-Length': '10' });
    reply.raw.write('half');
    throw new Error('in the middle');
  }

  @Get(':name')
  show(@Param('name') name: string): unknown {
    switch (name) {
      case 'bug':
        throw new TypeError('an internal detail');
      case 'rejected':
        throw new RejectedRequest({
          status: 404,
          error: ['unknown name'],
          headers: { 'X-Hint': 'none' },
        });
      case 'invalid':
        throw new RejectedRequest({ status: 400, error: 'a plain text' });
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
    ['repeated slashes', '//things///a', 'a'],
    ['an escaped slash belongs to the name', '/things/a%2fb', 'a/b'],
    ['an escaped NUL belongs to the name', '/things/a%00b', 'a\0b'],
    ['a name of 4,000 characters', `/things/${'n'.repeat(4000)}`, 'n'.repeat(4000)],
    ['a query', '/things/a?b=c', 'a'],
  ])('%s', async (_what, path, name) => {
    expect(await sendHttp(app.url, { path })).toMatchObject({ status: 200, json: { name } });
  });

  it.each([
    ['an unknown path', 'GET', '/nothing'],
    ['an unknown one with an unserved method', 'PROPFIND', '/nothing'],
    ['a path without its parameter', 'DELETE', '/'],
    ['a path with one level too many', 'GET', '/things/a/b/c'],
    ['a path in capitals', 'GET', '/THINGS'],
  ])('%s is 404', async (_what, method, path) => {
    const response = await sendHttp(app.url, { method, path });
    expect(response).toMatchObject({ status: 404, json: { error: ['there is no such resource'] } });
    expect(response.headers['content-type']).toContain('application/json');
  });

  it('an unknown path is 404 even if the body is too large', async () => {
    const response = await sendHttp(app.url, {
      method: 'POST',
      path: '/nothing',
      body: 'x'.repeat(BODY_LIMIT + 1),
    });
    expect(response.status).toBe(404);
  });

  it('a path with an invalid escape is 400', async () => {
    expect(await sendHttp(app.url, { path: '/things/%zz' })).toMatchObject({
      status: 400,
      json: { error: ['the path is not a valid URL path'] },
    });
  });
});

describe('an unserved method gets 405 with the served methods', () => {
  it.each(['OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'QUERY', 'SEARCH'])(
    '%s',
    async (method) => {
      const response = await sendHttp(app.url, { method, path: '/things/' });
      expect(response).toMatchObject({
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

  it('even if the body is too large', async () => {
    const body = 'x'.repeat(BODY_LIMIT + 1);
    expect(await sendHttp(app.url, { method: 'PUT', path: '/things', body })).toMatchObject({ status: 405 });
  });
});

describe('bodies', () => {
  it.each([
    ['JSON', 'application/json', Buffer.from('{"__proto__":1}')],
    ['invalid JSON', 'application/json; charset=utf-8', Buffer.from('{')],
    ['an empty body', 'application/json', Buffer.alloc(0)],
    ['text', 'text/plain', Buffer.from('text')],
    ['a form', 'application/x-www-form-urlencoded', Buffer.from('a=b')],
    ['bytes', 'application/octet-stream', Buffer.from([0, 255, 254])],
    ['gzip, which is not unpacked,', 'application/json', Buffer.from('1f8b08', 'hex')],
    ['a body of exactly the limit', 'application/json', Buffer.alloc(BODY_LIMIT, 'x')],
  ])('%s reaches the handler unchanged', async (_what, type, body) => {
    const response = await sendHttp(app.url, {
      method: 'POST',
      path: '/things',
      headers: { 'Content-Type': type },
      body,
    });
    expect(response).toMatchObject({ status: 201, json: { isBuffer: true, body: body.toString('base64') } });
  });

  it('a body of one byte more than the limit is 413', async () => {
    const body = 'x'.repeat(BODY_LIMIT + 1);
    const headers = { 'Content-Type': 'application/json' };
    const response = await sendHttp(app.url, { method: 'POST', path: '/things', headers, body });
    expect(response).toMatchObject({ status: 413, json: TOO_LARGE });
  });

  it('a body that is too large is 413 even if the content type is invalid', async () => {
    const body = 'x'.repeat(BODY_LIMIT + 1);
    const headers = { 'Content-Type': '???' };
    const response = await sendHttp(app.url, { method: 'POST', path: '/things', headers, body });
    expect(response).toMatchObject({ status: 413, json: TOO_LARGE });
  });

  it('an invalid content type is 415', async () => {
    const headers = { 'Content-Type': '???' };
    const response = await sendHttp(app.url, { method: 'POST', path: '/things', headers, body: '{}' });
    expect(response).toMatchObject({
      status: 415,
      json: { error: ['Content-Type must be application/json'] },
    });
  });

  it('endless chunks are 413 when they exceed the limit', async () => {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => socket.destroy()); // the server closes the connection after its response
    socket.write('POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n');
    socket.write('Transfer-Encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const more = (): void => {
      if (socket.writable) socket.write(chunk, more);
    };
    more();
    const [response] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(response.toString()).toContain('HTTP/1.1 413 Payload Too Large');
    expect(response.toString()).toContain(JSON.stringify(TOO_LARGE));
  });
});

describe('a request that violates HTTP', () => {
  const HEAD = 'POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
  const REQUEST_TIMEOUT = /^HTTP\/1\.1 408 .*\r\n\r\n\{"error":\["the request did not come in time"\]\}$/s;

  it.each([
    ['endless headers', 'GET /things HTTP/1.1\r\nHost: a\r\n'],
    ['an endless body', `${HEAD}Content-Length: 10\r\n\r\n{}`],
    ['endless chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`],
  ])('times out: %s', async (_what, bytes) => {
    expect(await sendBytes(app.url, bytes)).toMatch(REQUEST_TIMEOUT);
  });

  it('is rejected at once if its method is unserved, without waiting for its body', async () => {
    const response = await sendBytes(
      app.url,
      'PUT /things HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{}',
    );
    expect(response).toMatch(/^HTTP\/1\.1 405 /);
  });

  it.each([
    ['headers of 100 kB', `GET /things HTTP/1.1\r\nHost: a\r\nX-Large: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
    ['a path of 100 kB', `GET /things/${'x'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['an invalid method', 'FOO /things HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['two Content-Length headers', `${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
    [
      'Content-Length and chunks',
      `${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['an invalid Content-Length', `${HEAD}Content-Length: -1\r\n\r\n{}`, 400],
    ['invalid chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
    ['text that is not HTTP', 'hello\r\n\r\n', 400],
    ['no Host header', 'GET /things HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['an empty Host', 'GET /things HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n', 400],
    ['an invalid Host', 'GET /things HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', 400],
    ['an invalid Host in HTTP/1.0', 'GET /things HTTP/1.0\r\nHost: a/b\r\n\r\n', 400],
    ['two Host headers', 'GET /things HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n', 400],
    ['the same Host twice', 'GET /things HTTP/1.1\r\nhost: a\r\nHOST: a\r\nConnection: close\r\n\r\n', 400],
    [
      'a body that is compressed and chunked',
      `${HEAD}Transfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
      501,
    ],
    [
      'two transfer codings in two headers',
      `${HEAD}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`,
      501,
    ],
    [
      'a body that is chunked twice',
      `${HEAD}Transfer-Encoding: chunked, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['an unknown path without Host', 'GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n', 404],
  ])('gets a clear error: %s', async (_what, bytes, status) => {
    const response = await sendBytes(app.url, bytes);
    expect(response).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*"error":\\["`, 's'));
  });

  it('is served if its Expect header is unknown', async () => {
    const response = await sendBytes(
      app.url,
      'GET /things HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nConnection: close\r\n\r\n',
    );
    expect(response).toMatch(/^HTTP\/1\.1 200 .*"origin":"http:\/\/a"/s);
  });

  it('logs no error if the sender disconnects in the middle of a body', async () => {
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
    ['a list of texts', 'rejected', 404, { error: ['unknown name'] }],
    ['a plain text', 'invalid', 400, { error: 'a plain text' }],
    ['an exception of Nest', 'teapot', 418, { error: ['short and stout'] }],
  ])('%s', async (_what, name, status, json) => {
    const response = await sendHttp(app.url, { path: `/things/${name}` });
    expect(response).toMatchObject({ status, json });
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it('headers of a rejection are sent', async () => {
    expect((await sendHttp(app.url, { path: '/things/rejected' })).headers['x-hint']).toBe('none');
  });

  it('a bug is 500 without details, and is logged under the request id in the response', async () => {
    const response = await sendHttp(app.url, { path: '/things/bug' });
    expect(response.status).toBe(500);
    const [, id = ''] = /under request (\S+)"/.exec(response.text) ?? [];
    expect(response.json).toEqual({
      error: [`internal error; the server's log tells more under request ${id}`],
    });
    expect(app.log).toContainEqual(
      expect.objectContaining({
        level: 'error',
        request: id,
        err: expect.objectContaining({ message: 'an internal detail' }) as unknown,
      }),
    );
  });
});

describe('a response that has begun', () => {
  it('is cut off if its handler fails, so that nobody takes it for complete', async () => {
    await expect(sendHttp(app.url, { path: '/things/begun/response' })).rejects.toThrow('aborted');
    expect(app.log).toContainEqual(
      expect.objectContaining({ err: expect.objectContaining({ message: 'in the middle' }) as unknown }),
    );
  });
});

describe('the origin of a request', () => {
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
    ['with an unknown scheme', { Host: 'a', 'X-Forwarded-Proto': 'javascript' }, 'http://a'],
    ['ignores X-Forwarded-Host', { Host: 'a', 'X-Forwarded-Host': 'evil.example.com' }, 'http://a'],
  ])('%s', async (_what, headers, origin) => {
    expect((await sendHttp(app.url, { path: '/things', headers })).json).toEqual({ origin });
  });

  it('of HTTP/1.0, which has no Host header', async () => {
    const response = await sendBytes(app.url, 'GET /things HTTP/1.0\r\n\r\n');
    expect(response).toContain(JSON.stringify({ origin: app.url }));
  });
});
