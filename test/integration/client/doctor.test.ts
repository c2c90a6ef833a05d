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
  server.config.status = 200;
  server.config.redirectsTo = undefined;
  server.acceptsKeys = true;
  server.clockOffsetMs = 0;
  server.config.commandPort = undefined;
  server.config.heartbeatPort = undefined;
  server.config.host = '127.0.0.1';
  await client.stop();
});

/** Runs the doctor beside the client, with the client's settings and more arguments. */
const runDoctor = async (...args: string[]): Promise<{ code: number; output: string }> => {
  const program = [builtProgram('main'), 'doctor', '-c', client.settingsFile, ...args];
  const doctor = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [code]] = await Promise.all([
    text(doctor.stdout),
    once(doctor, 'exit') as Promise<[number]>,
  ]);
  return { code, output };
};

test('finds no fault on a healthy node and does not disturb the client', async () => {
  const { code, output } = await runDoctor();
  expect(output).not.toContain('FAULT');
  expect(code).toBe(0);
  for (const subject of [
    'client         it runs',
    'the server accepts our Curve key',
    'the server sends valid heartbeats',
    'ok       clock',
  ]) {
    expect(output).toContain(subject);
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
    'an unreachable server',
    ['-S', 'http://127.0.0.1:1/organizations/acme'],
    /FAULT +Chef Server .*ECONNREFUSED/,
  ],
  ['invalid settings', ['-S', 'http://127.0.0.1:1/'], /FAULT +settings .*\/organizations\/ORG/],
  ['a missing key', ['-k', '/no/such.pem'], /FAULT +settings .*\/no\/such\.pem/],
  ['a client that does not run', ['--state_dir', '/tmp'], /FAULT +client .*start the service/],
  ['an unusable folder', ['--file_dir', '/etc/hostname/x'], /FAULT +job files +file_dir \/etc\/hostname\/x/],
])('reports %s', async (_case, args, finding) => {
  const { code, output } = await runDoctor(...args);
  expect(output).toMatch(finding);
  expect(code).toBe(1);
});

test('warns about an empty whitelist, a readable key and an invalid certificate file', async () => {
  const trusted = client.makeFolder('trusted');
  writeFileSync(join(trusted, 'binary.crt'), new X509Certificate(makeCertificate().certificate).raw);
  client.writeSettings(`whitelist({})\ntrusted_certs_dir '${trusted}'`);
  chmodSync(`${client.root}/client.pem`, 0o644);
  const { code, output } = await runDoctor();
  expect(output).toMatch(/WARNING +whitelist .*declines every job/);
  expect(output).toMatch(/WARNING +key file .*chmod 600/);
  expect(output).toMatch(
    /WARNING +certificate .*binary\.crt is ignored: it holds no certificate as PEM text/,
  );
  expect(code).toBe(0);
});

test('reports a wrong clock and that heartbeats are dropped because of it', async () => {
  server.clockOffsetMs = 600_000;
  const { output } = await runDoctor();
  expect(output).toMatch(/FAULT +clock +(?:59|60)\d s behind the Chef Server/);
  expect(output).toMatch(/FAULT +heartbeats .*differs from our clock/);
});

test('reports a redirect with the address to set', async () => {
  server.config.redirectsTo = 'https://chef.example.com';
  const { output } = await runDoctor();
  expect(output).toMatch(
    /FAULT +name and key .*301; it points to .*set chef_server_url to 'https:\/\/chef\.example\.com\/organizations\/acme'/,
  );
});

test('reports a Curve key that the server does not accept', async () => {
  server.acceptsKeys = false;
  const { output } = await runDoctor();
  expect(output).toMatch(/FAULT +encryption .*does not accept the Curve key/);
});

test.runIf(hasIpv6)('checks a server with an IPv6 address', async () => {
  const { command, heartbeat } = server.ports;
  const proxies = await Promise.all(
    [command, heartbeat].map((port) => startTcpProxy('127.0.0.1', port, '::1')),
  );
  [server.config.commandPort, server.config.heartbeatPort] = proxies.map(({ port }) => port);
  server.config.host = '[::1]';
  const { output } = await runDoctor();
  for (const proxy of proxies) await proxy.close();
  expect(output).toMatch(/ok +command port +tcp:\/\/\[::1\]:/);
  expect(output).toContain('the server accepts our Curve key');
  expect(output).toContain('the server sends valid heartbeats');
});

test('reports an unreachable port', async () => {
  server.config.commandPort = await freePort();
  const { output } = await runDoctor();
  expect(output).toMatch(/FAULT +command port .*ECONNREFUSED.*firewalls/);
});

test('reports another program on the command port', async () => {
  const other = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end('SSH-2.0-x\r\n'),
  );
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  server.config.commandPort = (other.address() as { port: number }).port;
  const { output } = await runDoctor();
  expect(output).toMatch(/FAULT +encryption .*the handshake does not end/);
  other.close();
  await once(other, 'close');
});
