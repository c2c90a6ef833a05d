import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { eventually } from '../../support/eventually.js';
import { SimulatedPushServer } from '../../support/simulated-push-server.js';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const newJobId = (): string => randomBytes(16).toString('hex');

/** The greeting of a ZMTP peer without encryption: the handshake fails, and ZeroMQ does not try again. */
const NULL_GREETING = Buffer.concat([
  Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]),
  Buffer.from('NULL'.padEnd(52, '\0')),
]);

let server: SimulatedPushServer;
let client: ClientUnderTest;
let command: TcpProxy;
let heartbeat: TcpProxy;

/** Starts a client whose channels lead through a proxy each, and waits until it is connected. */
const start = async (interval: number): Promise<void> => {
  server = await SimulatedPushServer.start({
    org: 'acme',
    node: 'web1',
    nodeKey: keys.publicKey,
    interval,
  });
  server.startHeartbeats();
  command = await startTcpProxy('127.0.0.1', server.ports.command);
  heartbeat = await startTcpProxy('127.0.0.1', server.ports.heartbeat);
  server.config.commandPort = command.port;
  server.config.heartbeatPort = heartbeat.port;
  client = new ClientUnderTest({
    serverUrl: server.url,
    node: 'web1',
    key: keys.privateKey,
    settings: `log_level :debug
      whitelist({ 'wait' => 'while [ ! -e go ]; do sleep 0.05; done' })`,
  });
  await server.expect('heartbeat');
};
afterEach(async () => {
  await client.stop();
  await Promise.allSettled([command.close(), heartbeat.close()]); // a test may have closed one
  await server.close();
});

/** Delays between the attempts to connect, as the log names them. */
const retryDelays = (): number[] =>
  Array.from(client.output.matchAll(/"retry_ms":(\d+)/g), ([, delay]) => Number(delay));

test('the delay between attempts to connect does not grow during a cut', async () => {
  await start(10);
  await command.close();
  await eventually(() => retryDelays().length >= 6);
  expect(Math.max(...retryDelays())).toBeLessThanOrEqual(1000);
  expect(new Set(retryDelays()).size).toBeGreaterThan(1); // nodes do not connect in step
});

test('a connection whose handshake fails is opened again without a new config', async () => {
  const noise = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    socket.end(NULL_GREETING);
  });
  await start(10);
  await command.close();
  noise.listen(command.port, '127.0.0.1');
  await once(noise, 'listening');
  for (let count = 0; count < 3; count++) await once(noise, 'connection');
  noise.close();
  await once(noise, 'close');
  expect(server.config.requests).toHaveLength(1);
});

test('after a long cut it is back with its first message, before any heartbeat of the server', async () => {
  await start(0.2);
  const dir = client.makeFolder('work');
  const job = newJobId();
  await server.startJob(job, 'wait', { dir });
  command.cut();
  heartbeat.cut();
  await eventually(() => client.output.includes('"server":"offline"'));
  server.stopHeartbeats();
  server.forgetMessages();
  server.forgetConnection();
  command.heal();
  heartbeat.heal();
  expect(await server.expect('heartbeat')).toMatchObject({ sequence: 1, job_state: 'running', job_id: job });
  await server.send({ type: 'ack' });
  await eventually(() => client.output.includes('"server":"online"'));
  await server.expect('heartbeat');
  client.makeFolder('work/go');
  expect(await server.expect('succeeded')).toMatchObject({ job_id: job });
});
