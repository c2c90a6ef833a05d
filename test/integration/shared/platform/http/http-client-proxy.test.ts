import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { HttpClient, type HttpClientOptions } from '../../../../../src/shared/platform/http/http-client.js';
import { ForwardProxy } from '../../../../support/forward-proxy.js';
import { makeCertificate } from '../../../../support/make-certificate.js';

let plain: Server;
let secure: Server;
let proxy: ForwardProxy;
const { certificate, key } = makeCertificate();

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

const listen = async (server: Server): Promise<Server> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
};

beforeAll(async () => {
  plain = await listen(createHttpServer((_request, response) => response.end('plain')));
  secure = await listen(
    createHttpsServer({ key, cert: certificate }, (_request, response) => response.end('secure')),
  );
});
beforeEach(async () => {
  proxy = await ForwardProxy.start();
  return () => proxy.close();
});
afterAll(async () => {
  for (const server of [plain, secure]) {
    server.close();
    await once(server, 'close');
  }
});

const ask = async (url: string, options: HttpClientOptions): Promise<string> => {
  const client = new HttpClient(options);
  const answer = await client.send({ method: 'GET', url });
  await client.close();
  return answer.ok ? answer.value.body.toString() : answer.error.reason;
};

it('sends HTTP requests to the proxy for HTTP', async () => {
  const url = `http://127.0.0.1:${portOf(plain)}/a`;

  expect(await ask(url, { proxy: { http: proxy.url, https: '', none: '' } })).toBe('plain');
  expect(proxy.requests).toEqual([`GET ${url}`]);
});

it('tunnels HTTPS through the proxy for HTTPS and verifies the certificate', async () => {
  const url = `https://127.0.0.1:${portOf(secure)}/a`;
  const settings = { http: '', https: proxy.url, none: '' };

  expect(await ask(url, { proxy: settings, ca: certificate })).toBe('secure');
  expect(await ask(url, { proxy: settings })).toContain('certificate');
  expect(proxy.requests[0]).toBe(`CONNECT 127.0.0.1:${portOf(secure)}`);
});

it('does not use the proxy for HTTP for HTTPS', async () => {
  const url = `https://127.0.0.1:${portOf(secure)}/a`;

  expect(await ask(url, { proxy: { http: proxy.url, https: '', none: '' }, ca: certificate })).toBe('secure');
  expect(proxy.requests).toEqual([]);
});

it('connects directly to excepted hosts, and to all hosts without a proxy', async () => {
  const url = `http://127.0.0.1:${portOf(plain)}/a`;

  expect(await ask(url, { proxy: { http: proxy.url, https: '', none: 'localhost,127.0.0.1' } })).toBe(
    'plain',
  );
  expect(await ask(url, { proxy: { http: '', https: '', none: '' } })).toBe('plain');
  expect(await ask(url, {})).toBe('plain');
  expect(proxy.requests).toEqual([]);
});
