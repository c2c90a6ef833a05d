import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CAPABILITY } from '../../../src/shared/protocol/config-document.js';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { eventually } from '../../support/eventually.js';
import { SimulatedPushServer } from '../../support/simulated-push-server.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });

let server: SimulatedPushServer;
let client: ClientUnderTest;
let job: string;

beforeEach(async () => {
  job = randomBytes(16).toString('hex');
  server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
  server.config.capabilities = [CAPABILITY.resultAck];
  server.startHeartbeats();
});
afterEach(async () => {
  await client.stop();
  await server.close();
});

const start = async (): Promise<void> => {
  client = new ClientUnderTest({
    serverUrl: server.url,
    node: 'web1',
    key: keys.privateKey,
    settings: `whitelist({ 'fail' => 'printf out; printf err >&2; exit 3' })`,
  });
  await server.expect('heartbeat');
};
const runJob = async (): Promise<void> => {
  await server.startJob(job, 'fail', { capture: true });
  await server.expect('failed');
};
/** Kills the client and starts it again; resolves to its first message. */
const restart = async (): Promise<object> => {
  const before = new Set(server.messages.map((message) => message.incarnation_id));
  await client.kill();
  server.forgetMessages();
  server.forgetConnection();
  client.start();
  return eventually(() => server.messages.find((message) => !before.has(message.incarnation_id)));
};
const journal = (): string => readFileSync(`${client.stateDir}/acme.web1.json`, 'utf8');
const RESULT = { type: 'failed', exit_code: 3, stdout: 'out', stderr: 'err', ack_wanted: true };

test('a result that the server has not confirmed is the first message after each restart, until it is confirmed', async () => {
  await start();
  await runJob();
  expect(await restart()).toMatchObject({ ...RESULT, job_id: job, sequence: 1 });
  await server.expect('failed');
  await server.expect('heartbeat');
  expect(await restart()).toMatchObject({ ...RESULT, job_id: job });
  await server.send({ type: 'result_stored', job_id: job });
  await eventually(() => !journal().includes('"results"'));
  expect(await restart()).toMatchObject({ type: 'heartbeat', job_state: 'idle' });
});

test('a result that was sent over a lost connection is sent again over the next one', async () => {
  await start();
  await runJob();
  server.stopHeartbeats();
  await eventually(() => client.output.includes('"server":"offline"'));
  server.startHeartbeats();
  expect(await server.expect('failed')).toMatchObject({ ...RESULT, job_id: job });
});

test('a result is dropped, and logged, if the server does not know its job', async () => {
  await start();
  await runJob();
  await server.send({ type: 'result_unknown', job_id: job });
  await eventually(() => client.output.includes('the server does not know its job'));
  await eventually(() => !journal().includes('"results"'));
  expect(await restart()).toMatchObject({ type: 'heartbeat' });
});

test('a result that was not confirmed for a day is dropped', async () => {
  await start();
  await runJob();
  await client.kill();
  const old = JSON.parse(journal()) as { results: { ended_at: number }[] };
  old.results[0]!.ended_at -= 25 * 3_600_000;
  writeFileSync(`${client.stateDir}/acme.web1.json`, JSON.stringify(old));
  expect(await restart()).toMatchObject({ type: 'heartbeat' });
  await eventually(() => client.output.includes('has not confirmed for 24 hours'));
});

test('a server without the capability sees nothing new, and gets a result once', async () => {
  server.config.capabilities = undefined;
  await start();
  await server.startJob(job, 'fail', { capture: true });
  const result = await server.expect('failed');
  expect(result).not.toHaveProperty('ack_wanted');
  expect(journal()).not.toContain('"results"');
  expect(await restart()).toMatchObject({ type: 'heartbeat' });
});
