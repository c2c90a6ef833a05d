import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { formatHeader } from '../../../src/shared/protocol/frame-header.js';
import { signHmac } from '../../../src/shared/protocol/frame-signature.js';
import { formatRfc1123 } from '../../../src/shared/protocol/wire-time.js';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { eventually } from '../../support/eventually.js';
import { ForwardProxy } from '../../support/forward-proxy.js';
import { hasIpv6 } from '../../support/ipv6.js';
import { SimulatedPushServer, type SimulatedPushServerOptions } from '../../support/simulated-push-server.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const newJobId = (): string => randomBytes(16).toString('hex');

const SETTINGS = `
  whitelist({ 'true' => 'true', 'count' => 'echo started >> starts', 'wait' => 'while [ ! -e go ]; do sleep 0.05; done' })
`;

let server: SimulatedPushServer;
let client: ClientUnderTest;

const start = async (
  options: Partial<SimulatedPushServerOptions> = {},
  settings = SETTINGS,
): Promise<void> => {
  server = await SimulatedPushServer.start({
    org: 'acme',
    node: 'web1',
    nodeKey: keys.publicKey,
    ...options,
  });
  server.startHeartbeats();
  startClient(settings);
};
const startClient = (settings = SETTINGS, key = keys.privateKey): void => {
  client = new ClientUnderTest({ serverUrl: server.url, node: 'web1', key, settings });
};

afterEach(async () => {
  await client.stop();
  await server.close();
});

describe('the beginning', () => {
  test('a heartbeat with sequence 1 comes at once, and then one each interval', async () => {
    await start();
    const first = await server.expect('heartbeat');
    expect(first).toMatchObject({
      node: 'web1',
      org: 'acme',
      protocol_version: '2.0',
      sequence: 1,
      job_state: 'idle',
      job_id: null,
      client_version: expect.stringMatching(/^\d+\.\d+/) as string,
    });
    expect((await server.expect('heartbeat')).sequence).toBe(2);
    expect((await server.expect('heartbeat')).incarnation_id).toBe(first.incarnation_id);
  });

  test('an abort is answered, though there is no job', async () => {
    await start();
    await server.expect('heartbeat');
    await server.send({ type: 'abort' });
    expect((await server.expect('aborted')).job_id).toBeNull();
  });

  test('a server that refuses is asked again, and the log says what is wrong', async () => {
    server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
    server.configStatus = 403;
    startClient();
    await eventually(() => client.output.includes('may not have the config'), { withinMs: 40_000 });
    server.configStatus = 200;
    client.signal('SIGUSR1');
    await server.expect('heartbeat');
  });

  test('a proxy of the environment, by name and port alone, is gone through for the config', async () => {
    const proxy = await ForwardProxy.start();
    const { host } = new URL(proxy.url);
    await start({}, `${SETTINGS}\nENV['http_proxy'] = '${host}'\nENV['no_proxy'] = '192.168.*'`);
    await server.expect('heartbeat');
    await proxy.close();
    expect(proxy.asked).toEqual([expect.stringContaining('/organizations/acme/pushy/config/web1')]);
  });

  test.runIf(hasIpv6)('a server whose addresses are IPv6 ones is served', async () => {
    server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
    server.startHeartbeats();
    const { command, heartbeat } = server.ports;
    const proxies = await Promise.all(
      [command, heartbeat].map((port) => startTcpProxy('127.0.0.1', port, '::1')),
    );
    [server.commandVia, server.heartbeatVia] = proxies.map(({ port }) => port);
    server.hostVia = '[::1]';
    startClient();
    await server.expect('heartbeat');
    await eventually(() => proxies.every(({ connections }) => connections > 0));
    for (const proxy of proxies) await proxy.close();
  });

  test('a 1.x server is served in the clear where that is allowed', async () => {
    await start({ encrypted: false }, `${SETTINGS}\nallow_unencrypted true`);
    expect(await server.expect('heartbeat')).toMatchObject({ sequence: 1 });
  });

  test('a 1.x server ends the client where it is not', async () => {
    await start({ encrypted: false });
    expect(await client.exit).toBe(78);
    expect(client.output).toContain('allow_unencrypted');
  });
});

describe('commands', () => {
  test('a repeated run does not start a command twice, whether it repeats a number or has a new one', async () => {
    await start();
    await server.expect('heartbeat');
    const dir = client.makeFolder('work');
    const job = newJobId();
    await server.commit(job, 'count', { dir });
    await server.expect('ack_commit');
    const run = server.frames({ type: 'run', job_id: job });
    await server.sendFrames(...run);
    await server.sendFrames(...run);
    await server.send({ type: 'run', job_id: job });
    await server.expect('succeeded');
    await server.send({ type: 'run', job_id: job });
    expect((await server.expect('nack_run')).reason).toContain('already run');
    await server.commit(job, 'count', { dir });
    expect((await server.expect('nack_commit')).reason).toContain('already run');
    expect(readFileSync(`${dir}/starts`, 'utf8')).toBe('started\n');
  });

  test('what is not of the server, old or no command is dropped', async () => {
    await start();
    await server.expect('heartbeat');
    await server.send({ type: 'ack' });
    const commit = { type: 'commit', job_id: newJobId(), command: 'true' };
    const forged = server.body(commit);
    await server.sendFrames(formatHeader('hmac_sha256', signHmac(randomBytes(32), forged)), forged);
    const [header, body] = server.frames(commit);
    await server.sendFrames(header, body.replace('true', 'tru3'));
    await server.send({ ...commit, sequence: 1 });
    await server.send({ ...commit, timestamp: formatRfc1123(Date.now() - 301_000) });
    await server.send({ ...commit, timestamp: formatRfc1123(Date.now() + 302_000) });
    await server.send({ ...commit, type: 'exec' });
    await server.sendFrames(header);
    await server.sendFrames('', '');
    const good = newJobId();
    await server.commit(good, 'true');
    expect((await server.expect('ack_commit')).job_id).toBe(good);
    expect(server.messages.filter(({ type }) => type === 'nack_commit')).toEqual([]);
  });
});

describe('a server that goes and comes', () => {
  test('without its heartbeats the client falls silent, and beats again over a new connection', async () => {
    await start();
    await server.expect('heartbeat');
    const { identity } = server.arrivals.at(-1)!;
    server.stopHeartbeats();
    await eventually(() => client.output.includes('"server":"offline"'));
    server.forgetMessages();
    server.startHeartbeats();
    await server.expect('heartbeat');
    expect(server.arrivals[0]?.message.sequence).toBe(1);
    expect(server.arrivals[0]?.identity).not.toBe(identity);
  });

  test('heartbeats of another key do not count', async () => {
    await start();
    await server.expect('heartbeat');
    server.stopHeartbeats();
    const beating = setInterval(() => void server.beat({}, keys.privateKey), 100);
    try {
      await eventually(() => client.output.includes('"server":"offline"'));
    } finally {
      clearInterval(beating);
    }
  });

  test('another incarnation of the server makes it fetch its config again, with the same key', async () => {
    await start();
    await server.expect('heartbeat');
    server.incarnationId = 'another';
    await eventually(() => server.configRequests.length === 2);
    expect(server.configRequests[0]).toMatch(/^.{40}$/);
    expect(server.configRequests[1]).toBe(server.configRequests[0]);
  });

  test('a config is not fetched while a job runs, but afterwards', async () => {
    await start();
    await server.expect('heartbeat');
    const dir = client.makeFolder('work');
    await server.startJob(newJobId(), 'wait', { dir });
    client.signal('SIGUSR1');
    await eventually(() => client.output.includes('asked for'));
    server.forgetMessages();
    await server.expect('heartbeat');
    expect(server.configRequests).toHaveLength(1);
    client.makeFolder('work/go');
    await server.expect('succeeded');
    await eventually(() => server.configRequests.length === 2);
  });

  test('the config is fetched again when its lifetime is over', async () => {
    await start({ lifetime: 1 });
    await eventually(() => server.configRequests.length >= 2);
  });

  test('a result that could not be sent comes first over the next connection', async () => {
    await start();
    await server.expect('heartbeat');
    const dir = client.makeFolder('work');
    const job = newJobId();
    await server.startJob(job, 'wait', { dir });
    server.acceptsKeys = false; // the next connection is refused until we say so
    server.stopHeartbeats();
    await eventually(() => client.output.includes('"server":"offline"'));
    client.makeFolder('work/go');
    await eventually(() => client.output.includes('the command ended'));
    server.forgetMessages();
    server.acceptsKeys = true;
    server.startHeartbeats();
    expect(await server.expect('succeeded')).toMatchObject({ job_id: job, sequence: 1 });
    expect(server.arrivals[0]?.message.type).toBe('succeeded');
  });

  test('a key that the server has forgotten makes the client name it again', async () => {
    await start();
    await server.expect('heartbeat');
    server.acceptsKeys = false;
    server.stopHeartbeats();
    await eventually(() => client.output.includes('"server":"offline"'));
    server.startHeartbeats();
    await eventually(() => client.output.includes('does not accept our Curve key'), { withinMs: 40_000 });
    const asked = server.configRequests.length;
    server.forgetMessages();
    await eventually(() => server.configRequests.length > asked, { withinMs: 40_000 });
    server.acceptsKeys = true;
    await server.expect('heartbeat', 12_000);
  });
});
