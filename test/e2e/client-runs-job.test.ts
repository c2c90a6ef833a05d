import { createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readProcess } from '../../src/client/job/proc-table.js';
import { ClientUnderTest } from '../support/client-under-test.js';
import { eventually } from '../support/eventually.js';
import { ServerUnderTest } from '../support/server-under-test.js';

/** A machine that is busy with other tests takes its time. */
const WAIT = { withinMs: 40_000 };

let server: ServerUnderTest;
let client: ClientUnderTest;

beforeAll(async () => {
  server = await ServerUnderTest.start();
  const { name, key } = await server.identity('web1');
  client = new ClientUnderTest({
    serverUrl: server.url('/organizations/acme'),
    node: name,
    key: createPrivateKey(key),
    settings:
      "whitelist({ /greet (\\w+)/ => 'echo hello \\1', 'fail' => 'exit 3', 'sleep' => 'sleep 300', 'long' => 'echo $$ > pid; exec sleep 300' })",
  });
  await eventually(async () => (await server.nodeState('web1')).availability === 'available', WAIT);
});
afterAll(async () => {
  await client.stop();
  await server.close();
});

test('a job that the server is asked for runs on the node, and its output can be fetched', async () => {
  const id = await server.startJob({ command: 'greet world', nodes: ['web1'], capture_output: true });
  const job = await server.jobBecomes(id, 'complete');
  expect(job.nodes).toEqual({ succeeded: ['web1'] });
  const output = await server.as().send({
    method: 'GET',
    url: server.url(`/organizations/acme/pushy/jobs/${id}/output/web1/stdout`),
    headers: { Accept: 'application/octet-stream' },
  });
  expect(output).toMatchObject({ value: { status: 200, body: Buffer.from('hello world\n') } });
});

test('a command that fails, and one that is not in the whitelist, are told apart', async () => {
  const failing = await server.startJob({ command: 'fail', nodes: ['web1'] });
  expect((await server.jobBecomes(failing, 'complete')).nodes).toEqual({ failed: ['web1'] });
  const unknown = await server.startJob({ command: 'rm -rf /', nodes: ['web1'] });
  expect((await server.jobBecomes(unknown, 'quorum_failed')).nodes).toEqual({ nacked: ['web1'] });
});

test('a restart of the server goes unnoticed by the command that runs', async () => {
  const id = await server.startJob({ command: 'sleep', nodes: ['web1'], run_timeout: 300 });
  await eventually(async () => (await server.job(id)).nodes.running?.includes('web1') === true);
  await server.halt();
  await server.boot();
  await eventually(async () => (await server.nodeState('web1')).status === 'online', WAIT);
  expect((await server.job(id)).nodes).toEqual({ running: ['web1'] });
  await server.post(`jobs/${id}/abort`, {});
  expect((await server.jobBecomes(id, 'aborted')).nodes).toEqual({ aborted: ['web1'] });
});

test('a client that is killed and started again has crashed its job, and ended what it ran', async () => {
  const dir = client.makeFolder('work');
  await eventually(async () => (await server.nodeState('web1')).availability === 'available');
  const id = await server.startJob({ command: 'long', nodes: ['web1'], dir, run_timeout: 300 });
  const command = await eventually(async () => {
    if (!existsSync(`${dir}/pid`)) throw new Error(JSON.stringify(await server.job(id)));
    return Number(readFileSync(`${dir}/pid`, 'utf8')) || undefined;
  }, WAIT);
  await client.kill();
  client.start();
  expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ crashed: ['web1'] });
  await eventually(async () => (await server.nodeState('web1')).availability === 'available');
  expect(readProcess(command)).toBeUndefined();
});
