import { createPrivateKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClientUnderTest } from '../support/client-under-test.js';
import { eventually } from '../support/eventually.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';

/** Seconds after which a client that is idle fetches its config again. */
const CONFIG_LIFETIME = 4;

/** Long enough for a restart of the server and a job, on a machine that is busy. */
const GRACE_MS = 12_000;

const WAIT = { withinMs: 40_000 };

let server: ServerUnderTest;
let client: ClientUnderTest;
let away: ClientUnderTest;
let old: SimulatedNode;

const startClient = async (node: string): Promise<ClientUnderTest> => {
  const { key } = await server.identity(node);
  return new ClientUnderTest({
    serverUrl: server.url('/organizations/acme'),
    node,
    key: createPrivateKey(key),
    settings: "whitelist({ 'greet' => 'echo hello', 'wait' => 'while [ ! -e go ]; do sleep 0.05; done' })",
  });
};

beforeAll(async () => {
  server = await ServerUnderTest.start({ config_lifetime: CONFIG_LIFETIME });
  [client, away, old] = await Promise.all([
    startClient('web1'),
    startClient('away'),
    server.availableNode('old'),
  ]);
  for (const node of ['web1', 'away']) {
    await eventually(async () => (await server.nodeState(node)).availability === 'available', WAIT);
  }
});
afterAll(async () => {
  away.signal('SIGCONT');
  await Promise.all([client.stop(), away.stop()]);
  await server.close();
});

const configRequests = (): number =>
  server.chef.requests.filter(({ target }) => target.endsWith('/principals/web1')).length;

const byPreviousKey = async (): Promise<number> => {
  const metrics = await (await fetch(server.url('/pushy/metrics'))).text();
  return Number(/^push_jobs_previous_key_connections (\d+)$/m.exec(metrics)?.[1]);
};

const greets = async (node: string): Promise<void> => {
  const id = await server.startJob({ command: 'greet', nodes: [node] });
  expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: [node] });
};

test('keys are rotated in the middle of a job: nobody is cut off, and all follow by themselves', async () => {
  const dir = client.makeFolder('work');
  const id = await server.startJob({ command: 'wait', nodes: ['web1'], dir });
  await eventually(async () => (await server.job(id)).nodes.running?.includes('web1') === true);
  away.signal('SIGSTOP');
  const asked = configRequests();
  await server.rotateKeys(GRACE_MS);

  // The client goes on with the config that it has, and so does its job.
  await eventually(async () => (await server.nodeState('web1')).status === 'online', WAIT);
  await eventually(async () => (await byPreviousKey()) === 2);
  expect(configRequests()).toBe(asked);
  writeFileSync(join(dir, 'go'), '');
  expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });

  // When its config is old it fetches another, with the new keys; a node whose config is not stays as it is.
  await eventually(() => configRequests() > asked);
  await eventually(async () => (await server.nodeState('old')).status === 'online');
  await eventually(async () => (await byPreviousKey()) === 1);
  await greets('web1');
  const { previous } = server.secrets;
  expect(Date.now()).toBeLessThan(Date.parse(previous!.valid_until));

  // At the end the old keys count no more; who has not followed comes back with another config.
  await old.connectionEvent('disconnect');
  expect(await byPreviousKey()).toBe(0);
  await greets('web1');
  away.signal('SIGCONT');
  await eventually(async () => (await server.nodeState('away')).availability === 'available', WAIT);
  await greets('away');
  expect(client.output.match(/"level":"error".*/g)).toBeNull();
});
