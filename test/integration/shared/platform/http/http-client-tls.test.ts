import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient, type HttpClientOptions } from '../../../../../src/shared/platform/http/http-client.js';
import { makeCertificate } from '../../../../support/make-certificate.js';

/** A server with a self-signed certificate. */
let server: Server;
let certificate: string;

beforeAll(async () => {
  const made = makeCertificate();
  certificate = made.certificate;
  server = createServer({ key: made.key, cert: certificate }, (_request, response) => {
    response.end('hello');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

const ask = async (options: HttpClientOptions) => {
  const client = new HttpClient(options);
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const answer = await client.send({ method: 'GET', url });
  await client.close();
  return answer;
};

describe('the HTTP client and certificates', () => {
  it('rejects an untrusted certificate', async () => {
    expect(await ask({})).toMatchObject({
      ok: false,
      error: { kind: 'unreachable', reason: expect.stringContaining('certificate') as string },
    });
  });

  it('accepts a server whose certificate is in ca', async () => {
    expect(await ask({ ca: [certificate] })).toMatchObject({ ok: true, value: { status: 200 } });
  });

  it('accepts any certificate if verification is off', async () => {
    expect(await ask({ verifyTls: false })).toMatchObject({ ok: true });
  });
});
