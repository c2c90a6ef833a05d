import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClientUnderTest } from '../support/client-under-test.js';
import { eventually } from '../support/eventually.js';
import { ServerProcess } from '../support/server-process.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import { VirtualAddress } from '../support/virtual-address.js';
import { startClient } from '../support/start-client.js';

/** So long that a take-over ends before a client considers the server offline. */
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
  const settings = "whitelist({ 'work' => 'sleep 12; echo done', 'greet' => 'echo hello' })";
  client = await startClient(server, 'web1', settings);
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

/** Moves the address as a cluster manager does, and waits until the standby responds there. */
const takeOver = async (): Promise<void> => {
  address.moveTo(HOSTS[1]);
  const isUp = async (): Promise<boolean> => (await fetch(server.url('/pushy/_status'))).ok;
  await eventually(isUp, { withinMs: 40_000, everyMs: 100 });
};

const expectCompletion = async (id: string): Promise<void> => {
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

test('the standby completes a running job after the active server was killed', async () => {
  const id = await startWork();
  const requestsBefore = configRequests();
  await eventually(() => standby.logged.some(({ msg }) => msg.startsWith('standing by')));
  standby.signal('SIGHUP');
  await eventually(() => standby.logged.some(({ msg }) => msg.startsWith('reloaded the settings')));
  await active.kill();
  await takeOver();
  await expectCompletion(id);
  expect(configRequests()).toBe(requestsBefore);
});

test('the standby takes over while the active server hangs, which ends when it continues', async () => {
  const id = await startWork();
  const requestsBefore = configRequests();
  active.signal('SIGSTOP');
  await takeOver();
  active.signal('SIGCONT');
  expect(await active.exit).toBe(75);
  await expectCompletion(id);
  expect(configRequests()).toBe(requestsBefore);
});
