import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readProcess } from '../../src/client/job/proc-table.js';
import { ClientUnderTest } from '../support/client-under-test.js';
import { eventually } from '../support/eventually.js';
import { startClient } from '../support/start-client.js';
import { useServer } from '../support/use-server.js';

/** For a machine that is busy with other tests. */
const WAIT = { withinMs: 40_000 };

const SETTINGS = `whitelist({
  /greet (\\w+)/ => 'echo hello \\1',
  'fail' => 'exit 3',
  'sleep' => 'sleep 300',
  'long' => 'echo $$ > pid; exec sleep 300'
})`;

const server = useServer();
let client: ClientUnderTest;

beforeAll(async () => (client = await startClient(server, 'web1', SETTINGS)));
afterAll(() => client.stop());

test('the client runs a job and its captured output can be fetched', async () => {
  const id = await server.startJob({ command: 'greet world', nodes: ['web1'], capture_output: true });
  const job = await server.jobBecomes(id, 'complete');
  expect(job.nodes).toEqual({ succeeded: ['web1'] });
  expect(await server.getOutput(id, 'web1', 'stdout')).toMatchObject({
    value: { status: 200, body: Buffer.from('hello world\n') },
  });
});

test('a failing command is `failed`, a command that is not in the whitelist is `nacked`', async () => {
  const failing = await server.startJob({ command: 'fail', nodes: ['web1'] });
  expect((await server.jobBecomes(failing, 'complete')).nodes).toEqual({ failed: ['web1'] });
  const unknown = await server.startJob({ command: 'rm -rf /', nodes: ['web1'] });
  expect((await server.jobBecomes(unknown, 'quorum_failed')).nodes).toEqual({ nacked: ['web1'] });
});

test('a running command continues while the server restarts, and can be aborted afterwards', async () => {
  const id = await server.startJob({ command: 'sleep', nodes: ['web1'], run_timeout: 300 });
  await eventually(async () => (await server.job(id)).nodes.running?.includes('web1') === true);
  await server.restart();
  await eventually(async () => (await server.nodeState('web1')).status === 'online', WAIT);
  expect((await server.job(id)).nodes).toEqual({ running: ['web1'] });
  await server.post(`jobs/${id}/abort`, {});
  expect((await server.jobBecomes(id, 'aborted')).nodes).toEqual({ aborted: ['web1'] });
});

test('a client that is killed and started again ends its old command, and the job node is `crashed`', async () => {
  const dir = client.makeFolder('work');
  await server.nodeBecomes('web1', 'available');
  const id = await server.startJob({ command: 'long', nodes: ['web1'], dir, run_timeout: 300 });
  const command = await eventually(async () => {
    if (!existsSync(`${dir}/pid`)) throw new Error(JSON.stringify(await server.job(id)));
    return Number(readFileSync(`${dir}/pid`, 'utf8')) || undefined;
  }, WAIT);
  await client.kill();
  client.start();
  expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ crashed: ['web1'] });
  await server.nodeBecomes('web1', 'available');
  expect(readProcess(command)).toBeUndefined();
});
