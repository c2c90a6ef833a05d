import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HttpClient } from '../../../../../src/shared/platform/http/http-client.js';
import { SignedHttp } from '../../../../../src/shared/platform/http/signed-http.js';
import { parseSignedHeaders } from '../../../../../src/shared/protocol/chef-signature/signed-headers.js';
import { verifyRequest } from '../../../../../src/shared/protocol/chef-signature/verify-request.js';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKey = createPublicKey(privateKey);
const NOON = Date.UTC(2026, 10, 22, 12);

interface Received {
  readonly signature: string;
  readonly isVerified: boolean;
}

let now = NOON;
const received: Received[] = [];
const http = new HttpClient();
const signed = new SignedHttp(http, { userId: 'alice', key: privateKey }, { now: () => now });
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    received.push(verify(request, Buffer.concat(chunks)));
    response.end();
  });
});

const verify = ({ method = '', url = '', headers }: IncomingMessage, body: Buffer): Received => {
  const read = parseSignedHeaders(headers, now);
  return {
    signature: String(headers['x-ops-authorization-1']),
    isVerified: read.ok && verifyRequest(read.value, { method, path: url, body }, publicKey),
  };
};

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(async () => {
  await http.close();
  await new Promise((resolve) => server.close(resolve));
});

const send = async (at: number, method: 'GET' | 'POST', path: string, body?: string): Promise<Received> => {
  now = at;
  const { port } = server.address() as AddressInfo;
  const answer = await signed.send({
    method,
    url: `http://127.0.0.1:${port}${path}`,
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  });
  expect(answer.ok).toBe(true);
  return received.at(-1)!;
};

test('signs the same request once per second; all signatures verify', async () => {
  const first = await send(NOON, 'GET', '/groups/admins');
  const sameSecond = await send(NOON + 999, 'GET', '/groups/admins?page=2');
  const nextSecond = await send(NOON + 1000, 'GET', '/groups/admins');
  expect(sameSecond.signature).toBe(first.signature);
  expect(nextSecond.signature).not.toBe(first.signature);
  expect([first, sameSecond, nextSecond].map(({ isVerified }) => isVerified)).toEqual([true, true, true]);
});

test('signs other paths, methods and bodies in the same second separately', async () => {
  const requests = [
    await send(NOON, 'GET', '/groups/admins'),
    await send(NOON, 'GET', '/groups/clients'),
    await send(NOON, 'POST', '/groups/admins'),
    await send(NOON, 'POST', '/groups/admins', '{"a":1}'),
    await send(NOON, 'POST', '/groups/admins', '{"a":2}'),
  ];
  expect(requests.every(({ isVerified }) => isVerified)).toBe(true);
  expect(new Set(requests.map(({ signature }) => signature)).size).toBe(requests.length);
});
