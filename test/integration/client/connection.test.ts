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
import type { SimulatedPushServerOptions } from '../../support/simulated-config.js';
import { SimulatedPushServer } from '../../support/simulated-push-server.js';
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

describe('at the start', () => {
  test('sends a heartbeat with sequence 1 at once and then one per interval', async () => {
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

  test('confirms an abort without a job', async () => {
    await start();
    await server.expect('heartbeat');
    await server.send({ type: 'abort' });
    expect((await server.expect('aborted')).job_id).toBeNull();
  });

  test('retries when the server rejects the config request, and logs the reason', async () => {
    server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
    server.config.status = 403;
    startClient();
    await eventually(() => client.output.includes('may not have the config'), { withinMs: 40_000 });
    server.config.status = 200;
    client.signal('SIGUSR1');
    await server.expect('heartbeat');
  });

  test('fetches the config through a proxy of the environment, given as name and port', async () => {
    const proxy = await ForwardProxy.start();
    const { host } = new URL(proxy.url);
    await start({}, `${SETTINGS}\nENV['http_proxy'] = '${host}'\nENV['no_proxy'] = '192.168.*'`);
    await server.expect('heartbeat');
    await proxy.close();
    expect(proxy.requests).toEqual([expect.stringContaining('/organizations/acme/pushy/config/web1')]);
  });

  test.runIf(hasIpv6)('connects to a server with IPv6 addresses', async () => {
    server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
    server.startHeartbeats();
    const { command, heartbeat } = server.ports;
    const proxies = await Promise.all(
      [command, heartbeat].map((port) => startTcpProxy('127.0.0.1', port, '::1')),
    );
    [server.config.commandPort, server.config.heartbeatPort] = proxies.map(({ port }) => port);
    server.config.host = '[::1]';
    startClient();
    await server.expect('heartbeat');
    await eventually(() => proxies.every(({ connections }) => connections > 0));
    for (const proxy of proxies) await proxy.close();
  });

  test('serves a 1.x server without encryption if allow_unencrypted is set', async () => {
    await start({ encrypted: false }, `${SETTINGS}\nallow_unencrypted true`);
    expect(await server.expect('heartbeat')).toMatchObject({ sequence: 1 });
  });

  test('exits if the server is 1.x and allow_unencrypted is not set', async () => {
    await start({ encrypted: false });
    expect(await client.exit).toBe(78);
    expect(client.output).toContain('allow_unencrypted');
  });
});

describe('commands', () => {
  test('a repeated run does not start a command twice, with the same sequence or a new one', async () => {
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

  test('drops forged, replayed, old and invalid commands', async () => {
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

describe('when the server goes offline and comes back', () => {
  test('the client sends only one message over a new connection while the server sends none, then heartbeats', async () => {
    await start();
    await server.expect('heartbeat');
    const { identity } = server.received.at(-1)!;
    server.stopHeartbeats();
    await eventually(() => client.output.includes('"server":"offline"'));
    const first = await eventually(() => server.received.find((arrival) => arrival.identity !== identity));
    expect(first.message).toMatchObject({ type: 'heartbeat', sequence: 1 });
    server.startHeartbeats();
    await eventually(() => client.output.includes('"server":"online"'));
    await eventually(() => server.received.at(-1)!.message.sequence > 1);
    const second = server.received[server.received.findIndex((arrival) => arrival === first) + 1];
    expect(second).toMatchObject({ identity: first.identity, message: { sequence: 2 } });
  });

  test('heartbeats that are signed with another key do not count', async () => {
    await start();
    await server.expect('heartbeat');
    server.stopHeartbeats();
    const heartbeats = setInterval(() => void server.sendHeartbeat({}, keys.privateKey), 100);
    try {
      await eventually(() => client.output.includes('"server":"offline"'));
    } finally {
      clearInterval(heartbeats);
    }
  });

  test('a new incarnation of the server makes the client fetch its config again, with the same Curve key', async () => {
    await start();
    await server.expect('heartbeat');
    server.incarnationId = 'another';
    await eventually(() => server.config.requests.length === 2);
    expect(server.config.requests[0]).toMatch(/^.{40}$/);
    expect(server.config.requests[1]).toBe(server.config.requests[0]);
  });

  test('the config is fetched during a job and applied after it', async () => {
    await start();
    await server.expect('heartbeat');
    const dir = client.makeFolder('work');
    await server.startJob(newJobId(), 'wait', { dir });
    client.signal('SIGUSR1');
    await eventually(() => server.config.requests.length === 2);
    server.forgetMessages();
    const { sequence } = await server.expect('heartbeat');
    expect(sequence).toBeGreaterThan(1);
    expect(client.output.split('"connecting"')).toHaveLength(2);
    client.makeFolder('work/go');
    await server.expect('succeeded');
    await eventually(() => client.output.split('"connecting"').length === 3);
    expect(server.config.requests).toHaveLength(2);
  });

  test('the config is fetched again at each end of its lifetime during a job', async () => {
    await start({ lifetime: 1 });
    await server.expect('heartbeat');
    const dir = client.makeFolder('work');
    await server.startJob(newJobId(), 'wait', { dir });
    const fetches = server.config.requests.length;
    const connections = client.output.split('"connecting"').length;
    await eventually(() => server.config.requests.length >= fetches + 3);
    expect(client.output.split('"connecting"')).toHaveLength(connections);
    client.makeFolder('work/go');
    await server.expect('succeeded');
  });

  test('the config is fetched again at the end of its lifetime', async () => {
    await start({ lifetime: 1 });
    await eventually(() => server.config.requests.length >= 2);
  });

  test('a result that could not be sent is the first message of the next connection', async () => {
    await start();
    await server.expect('heartbeat');
    const dir = client.makeFolder('work');
    const job = newJobId();
    await server.startJob(job, 'wait', { dir });
    server.acceptsKeys = false; // the server rejects connections from now on
    server.stopHeartbeats();
    await eventually(() => client.output.includes('"server":"offline"'));
    client.makeFolder('work/go');
    await eventually(() => client.output.includes('the command ended'));
    server.forgetMessages();
    server.acceptsKeys = true;
    server.startHeartbeats();
    expect(await server.expect('succeeded')).toMatchObject({ job_id: job, sequence: 1 });
    expect(server.received[0]?.message.type).toBe('succeeded');
  });

  test('the client registers its Curve key again if the server has forgotten it', async () => {
    await start();
    await server.expect('heartbeat');
    server.acceptsKeys = false;
    server.stopHeartbeats();
    await eventually(() => client.output.includes('"server":"offline"'));
    server.startHeartbeats();
    await eventually(() => client.output.includes('does not accept our Curve key'), { withinMs: 40_000 });
    const requestsBefore = server.config.requests.length;
    server.forgetMessages();
    await eventually(() => server.config.requests.length > requestsBefore, { withinMs: 40_000 });
    server.acceptsKeys = true;
    await server.expect('heartbeat', 12_000);
  });
});
