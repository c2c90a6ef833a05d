import { spawn } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { builtProgram, ClientUnderTest } from '../../support/client-under-test.js';
import { freePort } from '../../support/free-port.js';
import { makeCertificate } from '../../support/make-certificate.js';
import { hasIpv6 } from '../../support/ipv6.js';
import { SimulatedPushServer } from '../../support/simulated-push-server.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });

let server: SimulatedPushServer;
let client: ClientUnderTest;

beforeAll(async () => {
  server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
  server.startHeartbeats();
});
afterAll(() => server.close());
beforeEach(async () => {
  client = new ClientUnderTest({ serverUrl: server.url, node: 'web1', key: keys.privateKey });
  server.forgetMessages();
  await server.expect('heartbeat');
});
afterEach(async () => {
  server.configStatus = 200;
  server.redirectsTo = undefined;
  server.acceptsKeys = true;
  server.clockOffsetMs = 0;
  server.commandVia = undefined;
  server.heartbeatVia = undefined;
  server.hostVia = '127.0.0.1';
  await client.stop();
});

/** Runs the doctor beside the client, with its settings and further arguments. */
const consult = async (...args: string[]): Promise<{ code: number; says: string }> => {
  const program = [builtProgram('main'), 'doctor', '-c', client.settingsFile, ...args];
  const doctor = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [says, [code]] = await Promise.all([text(doctor.stdout), once(doctor, 'exit') as Promise<[number]>]);
  return { code, says };
};

test('of a node that is well it says so, and does not disturb the client', async () => {
  const { code, says } = await consult();
  expect(says).not.toContain('FAULT');
  expect(code).toBe(0);
  for (const subject of [
    'client       it runs',
    'the server accepts our Curve key',
    'are the server’s own',
    'ok       clock',
  ]) {
    expect(says).toContain(subject);
  }
  const [first] = server.heartbeats;
  server.forgetMessages();
  expect((await server.expect('heartbeat')).incarnation_id).toBe(first?.incarnation_id);
});

test.each([
  [
    'an unknown node name',
    ['-N', 'web2'],
    /FAULT +name and key .*401.*node_name and client_key belong together/,
  ],
  [
    'a server that is not there',
    ['-S', 'http://127.0.0.1:1/organizations/acme'],
    /FAULT +Chef Server .*ECONNREFUSED/,
  ],
  ['settings that cannot be used', ['-S', 'http://127.0.0.1:1/'], /FAULT +settings .*\/organizations\/ORG/],
  ['a key that is not there', ['-k', '/no/such.pem'], /FAULT +settings .*\/no\/such\.pem/],
  ['a client that does not run', ['--state_dir', '/tmp'], /FAULT +client .*start the service/],
  [
    'a folder that cannot be',
    ['--file_dir', '/etc/hostname/x'],
    /FAULT +job files +file_dir \/etc\/hostname\/x/,
  ],
])('%s is named', async (_case, args, finding) => {
  const { code, says } = await consult(...args);
  expect(says).toMatch(finding);
  expect(code).toBe(1);
});

test('an empty whitelist, a key that others can read and a certificate that is none are worth a warning', async () => {
  const trusted = client.makeFolder('trusted');
  writeFileSync(join(trusted, 'binary.crt'), new X509Certificate(makeCertificate().certificate).raw);
  client.writeSettings(`whitelist({})\ntrusted_certs_dir '${trusted}'`);
  chmodSync(`${client.root}/client.pem`, 0o644);
  const { code, says } = await consult();
  expect(says).toMatch(/WARNING +whitelist .*declines every job/);
  expect(says).toMatch(/WARNING +key file .*chmod 600/);
  expect(says).toMatch(/WARNING +certificate .*binary\.crt is ignored: it holds no certificate as PEM text/);
  expect(code).toBe(0);
});

test('a clock that is wrong is named, with the server’s refusal', async () => {
  server.clockOffsetMs = 600_000;
  const { says } = await consult();
  expect(says).toMatch(/FAULT +clock +(?:59|60)\d s behind the Chef Server/);
  expect(says).toMatch(/FAULT +heartbeats .*differs from our clock/);
});

test('a server that sends elsewhere is named, with the address to set', async () => {
  server.redirectsTo = 'https://chef.example.com';
  const { says } = await consult();
  expect(says).toMatch(
    /FAULT +name and key .*301; it points to .*set chef_server_url to 'https:\/\/chef\.example\.com\/organizations\/acme'/,
  );
});

test('a key that is not accepted is named', async () => {
  server.acceptsKeys = false;
  const { says } = await consult();
  expect(says).toMatch(/FAULT +encryption .*does not accept the Curve key/);
});

test.runIf(hasIpv6)('a server with an IPv6 address is looked at as any other', async () => {
  const { command, heartbeat } = server.ports;
  const proxies = await Promise.all(
    [command, heartbeat].map((port) => startTcpProxy('127.0.0.1', port, '::1')),
  );
  [server.commandVia, server.heartbeatVia] = proxies.map(({ port }) => port);
  server.hostVia = '[::1]';
  const { says } = await consult();
  for (const proxy of proxies) await proxy.close();
  expect(says).toMatch(/ok +command port +tcp:\/\/\[::1\]:/);
  expect(says).toContain('the server accepts our Curve key');
  expect(says).toContain('are the server’s own');
});

test('a port that cannot be reached is named', async () => {
  server.commandVia = await freePort();
  const { says } = await consult();
  expect(says).toMatch(/FAULT +command port .*ECONNREFUSED.*firewalls/);
});

test('another program on the command port is named', async () => {
  const other = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end('SSH-2.0-x\r\n'),
  );
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  server.commandVia = (other.address() as { port: number }).port;
  const { says } = await consult();
  expect(says).toMatch(/FAULT +encryption .*the handshake does not end/);
  other.close();
  await once(other, 'close');
});
