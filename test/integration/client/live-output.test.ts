import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { CAPABILITY } from '../../../src/protocol/config-document.js';
import { ClientUnderTest } from '../../support/client-under-test.js';
import { eventually } from '../../support/eventually.js';
import { SimulatedPushServer } from '../../support/simulated-push-server.js';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const SETTINGS = `whitelist({
  'talk' => 'echo one; echo two >&2; while [ ! -e go ]; do sleep 0.05; done; echo three',
  'noise' => 'i=0; while [ $i -lt 20000 ]; do echo "line $i of the output"; i=$((i+1)); done'
})`;

let server: SimulatedPushServer;
let client: ClientUnderTest;
afterEach(async () => {
  await client.stop();
  await server.close();
});

const start = async (capabilities?: readonly string[]): Promise<string> => {
  server = await SimulatedPushServer.start({ org: 'acme', node: 'web1', nodeKey: keys.publicKey });
  server.capabilities = capabilities;
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

test('output comes while the command runs, numbered, and the result has all of it still', async () => {
  const job = await start([CAPABILITY.liveOutput]);
  await server.startJob(job, 'talk', { dir: client.makeFolder('work'), capture: true });
  await eventually(() => textOf('stdout') === 'one\n' && textOf('stderr') === 'two\n');
  expect(server.outputs.every(({ job_id: id }) => id === job)).toBe(true);
  client.makeFolder('work/go');
  expect(await server.expect('succeeded')).toMatchObject({ stdout: 'one\nthree\n', stderr: 'two\n' });
  expect(textOf('stdout')).toBe('one\nthree\n');
  expect(server.outputs.map(({ chunk }) => chunk)).toEqual(server.outputs.map((_, index) => index + 1));
});

test('of output that comes too fast what is let go is counted', async () => {
  const job = await start([CAPABILITY.liveOutput]);
  await server.startJob(job, 'noise', { capture: true });
  await server.expect('succeeded');
  const counted = server.outputs.reduce(
    (sum, { data, skipped = 0 }) => sum + Buffer.from(data, 'base64').length + skipped,
    0,
  );
  const whole = Array.from({ length: 20_000 }, (_, i) => `line ${i} of the output\n`).join('').length;
  expect(server.outputs.length).toBeGreaterThan(0);
  expect(counted).toBeLessThanOrEqual(whole);
  expect(server.outputs.map(({ chunk }) => chunk)).toEqual(server.outputs.map((_, index) => index + 1));
});

test.each([
  ['a server that does not offer it', undefined, { capture: true }],
  ['a job that wants no output', [CAPABILITY.liveOutput], {}],
])('none is sent to %s', async (_case, capabilities, fields) => {
  const job = await start(capabilities);
  await server.startJob(job, 'noise', fields);
  await server.expect('succeeded');
  expect(server.outputs).toEqual([]);
});
