import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { createServer as createTlsServer } from 'node:tls';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CAPABILITY } from '../../../src/shared/protocol/config-document.js';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { eventually } from '../../support/eventually.js';
import { makeCertificate } from '../../support/make-certificate.js';
import { SimulatedPushServer } from '../../support/simulated-push-server.js';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const newJobId = (): string => randomBytes(16).toString('hex');
const SETTINGS = `
  trusted_certs_dir 'trusted'
  whitelist({ 'true' => 'true', 'wait' => 'while [ ! -e go ]; do sleep 0.05; done' })
`;

let server: SimulatedPushServer;
let client: ClientUnderTest;
let closing: (() => Promise<unknown>)[];

beforeEach(async () => {
  server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
  closing = [() => server.close()];
  server.startHeartbeats();
});
afterEach(async () => {
  await client.stop();
  for (const close of closing.reverse()) await close();
});

const startClient = (serverUrl = server.url, settings = SETTINGS): void => {
  client = new ClientUnderTest({ serverUrl, node: 'web1', key: keys.privateKey, settings });
};
const urlVia = (port: number, scheme = 'http'): string => `${scheme}://127.0.0.1:${port}/organizations/acme`;
const isOffline = (): boolean => client.output.includes('"server":"offline"');

/** Starts a proxy in front of each of the three ports of the server, and the client behind them. */
const startBehindProxies = async (): Promise<{ all: TcpProxy[]; command: TcpProxy }> => {
  const { http, command, heartbeat } = server.ports;
  const all = await Promise.all([http, command, heartbeat].map((port) => startTcpProxy('127.0.0.1', port)));
  closing.push(...all.map((proxy) => () => proxy.close()));
  const [httpProxy, commandProxy, heartbeatProxy] = all as [TcpProxy, TcpProxy, TcpProxy];
  server.config.commandPort = commandProxy.port;
  server.config.heartbeatPort = heartbeatProxy.port;
  startClient(urlVia(httpProxy.port));
  await server.expect('heartbeat');
  return { all, command: commandProxy };
};

describe('when the network', () => {
  test('is cut during several config fetches, the node recovers by itself', async () => {
    const { all } = await startBehindProxies();
    for (const proxy of all) proxy.cut();
    await eventually(() => isOffline() && client.output.split('could not fetch the config').length > 3, {
      withinMs: 40_000,
    });
    server.forgetMessages();
    for (const proxy of all) proxy.heal();
    expect(await server.expect('heartbeat', 20_000)).toMatchObject({ sequence: 1, job_state: 'idle' });
    await server.startJob(newJobId(), 'true');
    await server.expect('succeeded');
  }, 60_000);

  test('swallows packets, a result waits and is the first message afterwards', async () => {
    const { all } = await startBehindProxies();
    const dir = client.makeFolder('work');
    const job = newJobId();
    await server.startJob(job, 'wait', { dir });
    for (const proxy of all) proxy.dropBytes();
    await eventually(isOffline, { withinMs: 40_000 });
    client.makeFolder('work/go');
    await eventually(() => client.output.includes('the command ended'));
    server.forgetMessages();
    for (const proxy of all) proxy.heal();
    expect(await server.expect('succeeded', 25_000)).toMatchObject({ job_id: job, sequence: 1 });
    await server.expect('heartbeat');
  }, 60_000);

  test('swallows packets of the command channel only, pings detect it', async () => {
    server.config.capabilities = [CAPABILITY.ping];
    const { command } = await startBehindProxies();
    await server.send({ type: 'abort' }); // the client learns that the channel works
    await server.expect('aborted');
    command.dropBytes();
    const { identity } = server.received.at(-1)!;
    await eventually(() => command.connections > 1, { withinMs: 40_000 });
    command.heal();
    await eventually(() => server.received.some((arrival) => arrival.identity !== identity), {
      withinMs: 40_000,
    });
    expect(isOffline()).toBe(false);
  }, 60_000);
});

test('learns the new keys of the server after a rotation', async () => {
  startClient();
  await server.expect('heartbeat');
  await server.rotateKeys();
  server.forgetMessages();
  expect(await server.expect('heartbeat', 20_000)).toMatchObject({ sequence: 1 });
  await server.startJob(newJobId(), 'true');
  await server.expect('succeeded');
}, 40_000);

test('ignores heartbeats that are signed with an unknown key', async () => {
  const { privateKey: other } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  startClient();
  await server.expect('heartbeat');
  for (let count = 0; count < 20; count++)
    await server.sendHeartbeat({ incarnation_id: 'of another' }, other);
  const fetches = server.config.requests.length;
  await server.sendHeartbeat({ incarnation_id: 'of the next' }); // arrives after all of the above
  await eventually(() => server.config.requests.length > fetches);
  expect(fetches).toBe(1);
  expect(client.output).not.toMatch(/was dropped|"level":"error"/);
});

test.each([600_000, -600_000])(
  'logs clocks that differ by %i ms, and recovers when they agree again',
  async (ms) => {
    startClient();
    await server.expect('heartbeat');
    server.clockOffsetMs = ms;
    await eventually(isOffline, { withinMs: 40_000 });
    expect(client.output).toContain('check the clocks of node and server');
    server.forgetMessages();
    server.clockOffsetMs = 0;
    await server.expect('heartbeat', 10_000);
    await server.startJob(newJobId(), 'true');
    await server.expect('succeeded');
  },
);

test('logs what to do about an untrusted certificate, and connects after it was done', async () => {
  const { certificate, key } = makeCertificate();
  const tls = createTlsServer({ cert: certificate, key }, (inside) => {
    const outside = connect(server.ports.http, '127.0.0.1');
    for (const socket of [inside, outside]) socket.on('error', () => undefined);
    inside.pipe(outside).pipe(inside);
  });
  tls.on('tlsClientError', () => undefined);
  tls.listen(0, '127.0.0.1');
  await once(tls, 'listening');
  closing.push(() => new Promise((resolve) => tls.close(resolve)));
  startClient(urlVia((tls.address() as AddressInfo).port, 'https'), '');
  const trusted = join(client.root, 'trusted');
  client.writeSettings(`trusted_certs_dir '${trusted}'`);
  await client.kill();
  client.start();
  await eventually(() => client.output.includes(`put its certificate into ${trusted}`), { withinMs: 40_000 });
  await eventually(() => client.output.split('put its certificate into').length > 2, { withinMs: 40_000 });
  mkdirSync(trusted);
  writeFileSync(join(trusted, 'chef.crt'), certificate);
  client.signal('SIGUSR1');
  await server.expect('heartbeat', 10_000);
}, 40_000);

test('retries while other programs send noise on the ports, and connects when the server is there', async () => {
  const noise = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    socket.write(randomBytes(64));
    socket.end(Buffer.concat([Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f]), randomBytes(5000)]));
  });
  noise.listen(0, '127.0.0.1');
  await once(noise, 'listening');
  closing.push(() => new Promise((resolve) => noise.close(resolve)));
  const { port } = noise.address() as AddressInfo;
  server.config.commandPort = port;
  server.config.heartbeatPort = port;
  startClient();
  await eventually(isOffline, { withinMs: 40_000 });
  server.config.commandPort = undefined;
  server.config.heartbeatPort = undefined;
  await server.expect('heartbeat', 20_000);
}, 40_000);

test('works and stops normally while the disk of the log is full', async () => {
  startClient(server.url, `${SETTINGS}\nlog_location '/dev/full'`);
  await server.expect('heartbeat');
  await server.startJob(newJobId(), 'true');
  await server.expect('succeeded');
  client.signal('SIGTERM');
  expect(await client.exit).toBe(0);
});

test('declines a job if a needed program cannot be started, and runs the next job', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'push-jobs-path-'));
  writeFileSync(join(dir, 'getent'), 'not a program', { mode: 0o600 });
  closing.push(() => rm(dir, { recursive: true }));
  client = new ClientUnderTest({
    serverUrl: server.url,
    node: 'web1',
    key: keys.privateKey,
    settings: SETTINGS,
    env: { PATH: dir },
  });
  await server.expect('heartbeat');
  await server.commit(newJobId(), 'true', { user: 'daemon' });
  expect((await server.expect('nack_commit')).reason).toContain('EACCES');
  await server.startJob(newJobId(), 'true');
  await server.expect('succeeded');
});

/** Only root can mount a file system. */
test.runIf(process.getuid?.() === 0)(
  'declines a job if the disk for its file is full, and runs other jobs',
  async () => {
    startClient();
    await server.expect('heartbeat');
    mkdirSync(client.fileDir);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k,mode=711', 'none', client.fileDir]);
    try {
      await server.commit(newJobId(), 'true', { file: `raw:${'x'.repeat(90_000)}` });
      expect((await server.expect('nack_commit')).reason).toContain('no space left');
      expect(client.jobFiles()).toEqual([]);
      await server.startJob(newJobId(), 'true', { file: 'raw:short' });
      await server.expect('succeeded');
      await eventually(() => client.jobFiles().length === 0);
    } finally {
      execFileSync('umount', [client.fileDir]);
    }
    expect(existsSync(client.fileDir)).toBe(true);
    rmSync(client.fileDir, { recursive: true });
  },
);
