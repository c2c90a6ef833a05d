import { createPrivateKey } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClientUnderTest } from '../support/client-under-test.js';
import { eventually } from '../support/eventually.js';
import { ServerProcess } from '../support/server-process.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import { VirtualAddress } from '../support/virtual-address.js';

/** Longer than it takes a standby to take over: no client gives the server up meanwhile. */
const HEARTBEAT_INTERVAL_MS = 4_000;

const HOSTS = ['127.0.0.2', '127.0.0.3'] as const;

let active: ServerProcess;
let standby: ServerProcess;
let address: VirtualAddress;
let server: ServerUnderTest;
let client: ClientUnderTest;

beforeEach(async () => {
  server = await ServerUnderTest.start(
    { ha: true, heartbeat_interval: HEARTBEAT_INTERVAL_MS },
    async (config, secrets) => {
      const on = (host: string) => ({ ...config, listen: host, zeromq_listen_address: `tcp://${host}` });
      active = await ServerProcess.start(on(HOSTS[0]), secrets);
      standby = ServerProcess.spawn(on(HOSTS[1]), secrets);
      const ports = [config.api_port, config.command_port, config.server_heartbeat_port];
      address = await VirtualAddress.start(ports, HOSTS[0]);
      return {
        stop: async () => {
          await standby.stop();
          address.close();
        },
      };
    },
  );
  const { name, key } = await server.identity('web1');
  client = new ClientUnderTest({
    serverUrl: server.url('/organizations/acme'),
    node: name,
    key: createPrivateKey(key),
    settings: "whitelist({ 'work' => 'sleep 12; echo done', 'greet' => 'echo hello' })",
  });
  await eventually(async () => (await server.nodeState('web1')).availability === 'available', {
    withinMs: 40_000,
  });
});

afterEach(async () => {
  await client.stop();
  await server.close();
});

const startWork = async (): Promise<string> => {
  const id = await server.startJob({ command: 'work', nodes: ['web1'], capture_output: true });
  await eventually(async () => (await server.job(id)).nodes.running?.includes('web1') === true);
  return id;
};

const configRequests = (): number =>
  server.chef.requests.filter(({ target }) => target.endsWith('/principals/web1')).length;

/** The address moves as a cluster moves it; the standby answers there when it has become active. */
const takeOver = async (): Promise<void> => {
  address.moveTo(HOSTS[1]);
  const isUp = async (): Promise<boolean> => (await fetch(server.url('/pushy/_status'))).ok;
  await eventually(isUp, { withinMs: 40_000, everyMs: 100 });
};

const endsWell = async (id: string): Promise<void> => {
  const job = await eventually(
    async () => {
      const job = await server.job(id);
      return job.status === 'complete' ? job : undefined;
    },
    { withinMs: 30_000 },
  );
  expect(job.nodes).toEqual({ succeeded: ['web1'] });
  const greeting = await server.startJob({ command: 'greet', nodes: ['web1'] });
  expect((await server.jobBecomes(greeting, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
};

test('when the active server is killed its standby brings the running job to its end', async () => {
  const id = await startWork();
  const asked = configRequests();
  await eventually(() => standby.logged.some(({ msg }) => msg.startsWith('standing by')));
  standby.signal('SIGHUP');
  await eventually(() => standby.logged.some(({ msg }) => msg.startsWith('read the settings again')));
  await active.kill();
  await takeOver();
  await endsWell(id);
  expect(configRequests()).toBe(asked);
});

test('when the active server hangs its standby takes over, and the other ends when it wakes up', async () => {
  const id = await startWork();
  const asked = configRequests();
  active.signal('SIGSTOP');
  await takeOver();
  active.signal('SIGCONT');
  expect(await active.exit).toBe(75);
  await endsWell(id);
  expect(configRequests()).toBe(asked);
});
