import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient, type HttpClientOptions } from '../../../src/platform/http/http-client.js';

/** A server whose certificate nobody has signed but itself. */
let server: Server;
let certificate: string;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'push-jobs-tls-'));
  const [keyFile, certFile] = [join(folder, 'key'), join(folder, 'crt')];
  const how = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  const what = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', ...how, ...what, '-keyout', keyFile, '-out', certFile], {
    stdio: 'ignore',
  });
  certificate = readFileSync(certFile, 'utf8');
  server = createServer({ key: readFileSync(keyFile), cert: certificate }, (_request, response) => {
    response.end('hello');
  });
  rmSync(folder, { recursive: true });
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
  it('refuses a server that nobody vouches for', async () => {
    expect(await ask({})).toMatchObject({
      ok: false,
      error: { kind: 'unreachable', reason: expect.stringContaining('certificate') as string },
    });
  });

  it('takes one whose certificate it was given', async () => {
    expect(await ask({ ca: [certificate] })).toMatchObject({ ok: true, value: { status: 200 } });
  });

  it('takes any where verification is turned off', async () => {
    expect(await ask({ verifyTls: false })).toMatchObject({ ok: true });
  });
});
