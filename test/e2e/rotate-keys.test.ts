import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClientUnderTest } from '../support/client-under-test.js';
import { eventually } from '../support/eventually.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { startClient } from '../support/start-client.js';
import { useServer } from '../support/use-server.js';

/** Config lifetime in seconds: an idle client then fetches its config again. */
const CONFIG_LIFETIME = 4;

/** Long enough for a restart of the server and a job on a busy machine. */
const GRACE_MS = 12_000;

const WAIT = { withinMs: 40_000 };

const SETTINGS = `whitelist({
  'greet' => 'echo hello',
  'wait' => 'while [ ! -e go ]; do sleep 0.05; done'
})`;

const server = useServer({ config_lifetime: CONFIG_LIFETIME });
let client: ClientUnderTest;
/** Its process is stopped during the rotation. */
let suspended: ClientUnderTest;
/** Never fetches another config. */
let old: SimulatedNode;

beforeAll(async () => {
  [client, suspended, old] = await Promise.all([
    startClient(server, 'web1', SETTINGS),
    startClient(server, 'suspended', SETTINGS),
    server.availableNode('old'),
  ]);
});
afterAll(async () => {
  suspended.signal('SIGCONT');
  await Promise.all([client.stop(), suspended.stop()]);
});

const configRequests = (): number =>
  server.chef.requests.filter(({ target }) => target.endsWith('/principals/web1')).length;

const previousKeyConnections = async (): Promise<number | undefined> =>
  (await server.metrics()).get('push_jobs_previous_key_connections');

const runGreeting = async (node: string): Promise<void> => {
  const id = await server.startJob({ command: 'greet', nodes: [node] });
  expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: [node] });
};

test('a key rotation during a job disconnects no node, and all nodes change to the new keys', async () => {
  const dir = client.makeFolder('work');
  const id = await server.startJob({ command: 'wait', nodes: ['web1'], dir });
  await eventually(async () => (await server.job(id)).nodes.running?.includes('web1') === true);
  suspended.signal('SIGSTOP');
  const requestsBefore = configRequests();
  await server.rotateKeys(GRACE_MS);

  // The client keeps its config, and its job continues.
  await eventually(async () => (await server.nodeState('web1')).status === 'online', WAIT);
  await eventually(async () => (await previousKeyConnections()) === 2);
  expect(configRequests()).toBe(requestsBefore);
  writeFileSync(join(dir, 'go'), '');
  expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });

  // When its config has expired the client fetches the new keys. The simulated node keeps the previous keys.
  await eventually(() => configRequests() > requestsBefore);
  await eventually(async () => (await server.nodeState('old')).status === 'online');
  await eventually(async () => (await previousKeyConnections()) === 1);
  await runGreeting('web1');

  // When the grace period ends, the previous keys are invalid; the suspended client needs a new config.
  await old.connectionEvent('disconnect');
  expect(await previousKeyConnections()).toBe(0);
  await runGreeting('web1');
  suspended.signal('SIGCONT');
  await server.nodeBecomes('suspended', 'available', WAIT);
  await runGreeting('suspended');
  expect(client.output.match(/"level":"error".*/g)).toBeNull();
});
