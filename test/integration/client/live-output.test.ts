import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { CAPABILITY } from '../../../src/shared/protocol/config-document.js';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { eventually } from '../../support/eventually.js';
import { SimulatedPushServer } from '../../support/simulated-push-server.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const SETTINGS = `whitelist({
  'talk' => 'echo one; echo two >&2; while [ ! -e go ]; do sleep 0.05; done; echo three',
  'noise' => 'i=0; while [ $i -lt 20000 ]; do echo "line $i of the output"; i=$((i+1)); done; while [ ! -e go ]; do sleep 0.05; done'
})`;

let server: SimulatedPushServer;
let client: ClientUnderTest;
afterEach(async () => {
  await client.stop();
  await server.close();
});

const start = async (capabilities?: readonly string[]): Promise<string> => {
  server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
  server.config.capabilities = capabilities;
  server.startHeartbeats();
  client = new ClientUnderTest({
    serverUrl: server.url,
    node: 'web1',
    key: keys.privateKey,
    settings: SETTINGS,
  });
  await server.expect('heartbeat');
  return randomBytes(16).toString('hex');
};
const textOf = (stream: string): string =>
  server.outputs
    .filter((output) => output.stream === stream)
    .map(({ data }) => Buffer.from(data, 'base64').toString())
    .join('');

const bytesOf = ({ data }: { readonly data: string }): number => Buffer.from(data, 'base64').length;

test('sends output while the command runs if it is requested, and all of it again with the result', async () => {
  const job = await start([CAPABILITY.liveOutput]);
  await server.startJob(job, 'talk', { dir: client.makeFolder('work'), capture: true });
  expect(server.messages.find(({ type }) => type === 'ack_run')).toMatchObject({ output_every_ms: 0 });
  expect(server.outputs).toEqual([]);
  await server.requestOutput(job, 20);
  await eventually(() => textOf('stdout') === 'one\n' && textOf('stderr') === 'two\n');
  await eventually(() => server.heartbeats.at(-1)?.output_every_ms === 20);
  expect(server.outputs.every(({ job_id: id }) => id === job)).toBe(true);
  client.makeFolder('work/go');
  expect(await server.expect('succeeded')).toMatchObject({ stdout: 'one\nthree\n', stderr: 'two\n' });
  expect(textOf('stdout')).toBe('one\nthree\n');
  expect(server.outputs.map(({ chunk }) => chunk)).toEqual(server.outputs.map((_, index) => index + 1));
});

test('sends nothing after the request is withdrawn, and buffered output after a new request', async () => {
  const job = await start([CAPABILITY.liveOutput]);
  await server.startJob(job, 'talk', { dir: client.makeFolder('work'), capture: true });
  await server.requestOutput(job, 20);
  await eventually(() => server.outputs.length === 2);
  await server.requestOutput(job, 0);
  await eventually(() => server.heartbeats.at(-1)?.output_every_ms === 0);
  await server.requestOutput(job, 20);
  await eventually(() => server.outputs.length === 4);
  expect(server.outputs.slice(2).map(({ chunk, data }) => [chunk, data])).toEqual(
    server.outputs.slice(0, 2).map(({ chunk, data }) => [chunk, data]),
  );
  await server.requestOutput(job, 0);
  await eventually(() => server.heartbeats.at(-1)?.output_every_ms === 0);
  client.makeFolder('work/go');
  await server.expect('succeeded');
  expect(server.outputs).toHaveLength(4);
});

test('a request for output ends with its connection', async () => {
  const job = await start([CAPABILITY.liveOutput]);
  await server.startJob(job, 'talk', { dir: client.makeFolder('work'), capture: true });
  await server.requestOutput(job, 20);
  await eventually(() => server.heartbeats.at(-1)?.output_every_ms === 20);
  server.stopHeartbeats(); // the client replaces the connection
  await eventually(() => client.output.includes('"server":"offline"'));
  server.startHeartbeats();
  await eventually(() => server.heartbeats.at(-1)?.output_every_ms === 0);
});

test('counts every byte of output that comes too fast to be sent', async () => {
  const job = await start([CAPABILITY.liveOutput]);
  await server.startJob(job, 'noise', { dir: client.makeFolder('work'), capture: true });
  await server.requestOutput(job, 20);
  const whole = Array.from({ length: 20_000 }, (_, i) => `line ${i} of the output\n`).join('').length;
  const counted = (): number =>
    server.outputs.reduce((sum, output) => sum + bytesOf(output) + (output.skipped ?? 0), 0);
  await eventually(() => counted() === whole);
  client.makeFolder('work/go');
  await server.expect('succeeded');
  expect(counted()).toBe(whole);
  expect(server.outputs.map(({ chunk }) => chunk)).toEqual(server.outputs.map((_, index) => index + 1));
});

test.each([
  ['a server without the capability', undefined, { capture: true }],
  ['a job that does not capture output', [CAPABILITY.liveOutput], {}],
])('sends no output and no output_every_ms for %s', async (_case, capabilities, fields) => {
  const job = await start(capabilities);
  await server.startJob(job, 'talk', { dir: client.makeFolder('work'), ...fields });
  await server.requestOutput(job, 20);
  server.forgetMessages();
  await server.expect('heartbeat');
  client.makeFolder('work/go');
  await server.expect('succeeded');
  expect(server.outputs).toEqual([]);
  expect(server.messages.filter((message) => 'output_every_ms' in message)).toEqual([]);
});
