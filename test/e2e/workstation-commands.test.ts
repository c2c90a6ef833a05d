import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { answerCommands } from '../support/answer-commands.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { useServer } from '../support/use-server.js';
import { useWorkstation } from '../support/use-workstation.js';

/** The built program on terminals and in pipes, a server behind a development Chef Server, and three simulated nodes. */
const server = useServer();
const workstation = useWorkstation(server);
const { start } = workstation;
let nodes: Record<'web1' | 'web2' | 'db1', SimulatedNode>;
let stops: (() => void)[] = [];

beforeAll(async () => {
  nodes = {
    web1: await server.availableNode('web1'),
    web2: await server.availableNode('web2'),
    db1: await server.availableNode('db1'),
  };
});
afterEach(() => {
  for (const stop of stops) stop();
  stops = [];
});

const run = (...args: string[]) => workstation.run(args);

const idIn = (stdout: string): string => /Job ID: ([0-9a-f]{32})/.exec(stdout)![1]!;

const webSucceedsAndDbFails = () => {
  stops = [
    answerCommands(nodes.web1, 'succeeded', { stdout: 'up 3 days\n', stderr: '' }),
    answerCommands(nodes.web2, 'succeeded', { stdout: 'up 4 days\n', stderr: '' }),
    answerCommands(nodes.db1, 'failed', { stdout: '', stderr: 'no disk\n' }),
  ];
};

it('runs a job in batches and stops after a batch with a failed node', async () => {
  webSucceedsAndDbFails();
  const { code, stdout } = await run('job', 'start', 'uptime', 'web1', 'db1', 'web2', '--batch', '1');

  expect(code).toBe(1);
  expect(stdout).toContain('Batch 2 of 3: 1 node\n');
  expect(stdout).toContain('Stopped after batch 2 of 3: 1 node failed, and --max-failures allows 0.');
  expect(stdout).toContain('  failed: db1\n  not started: web2\n');
});

it('shows output as nodes end, saves it to files, and reruns the job on the failed node', async () => {
  webSucceedsAndDbFails();
  const job = start(['job', 'start', 'uptime', 'web1', 'db1', '--show-output'], 100);
  const { code, stdout } = await job.outcome();
  const id = idIn(stdout);

  expect(code).toBe(1);
  expect(stdout).toContain('web1 | up 3 days\r\n');
  expect(stdout).toContain('db1 stderr | no disk\r\n');

  mkdirSync(join(workstation.cwd, 'saved'));
  expect(await run('job', 'output', id, '--to', 'saved')).toMatchObject({ code: 0, stderr: '' });
  expect(readdirSync(join(workstation.cwd, 'saved')).sort()).toEqual([
    'db1.stderr',
    'db1.stdout',
    'web1.stderr',
    'web1.stdout',
  ]);
  expect(readFileSync(join(workstation.cwd, 'saved', 'web1.stdout'), 'utf8')).toBe('up 3 days\n');

  const again = await run('job', 'rerun', id);
  expect(again.code).toBe(1);
  expect(again.stdout).toContain('Complete. 0 of 1 node succeeded, 1 failed.\n  failed: db1\n');
});

it('sends the file of a job again on rerun', async () => {
  const first = await server.startJob({ nodes: ['gone'], file: 'raw:héllo' });
  await server.jobBecomes(first, 'quorum_failed');
  const { stdout } = await run('job', 'rerun', first, '--nowait');
  const again = await server.get<{ file: string }>(`jobs/${idIn(stdout)}?include_file=true`);

  expect(again.body.file).toBe('raw:héllo');
});

it('aborts a job that another run follows on a terminal', async () => {
  const followed = start(['job', 'start', 'sleep', 'web1'], 100);
  await followed.waitForOutput('0/1 nodes voted');
  const id = (await server.get<{ id: string }[]>('jobs')).body.at(-1)!.id;

  expect(await run('job', 'abort', id)).toEqual({
    code: 0,
    stdout: 'Aborted. 0 of 1 node succeeded, 1 aborted.\n  aborted: web1\n',
    stderr: '',
  });
  expect(await followed.outcome()).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('Aborted. 0 of 1 node') as string,
  });
  const twice = await run('job', 'abort', id);
  expect(twice).toMatchObject({ code: 1, stdout: '' });
  expect(twice.stderr).toContain('(status 409)');
  await nodes.web1.sendJobMessage('aborted', null);
  await server.nodeBecomes('web1', 'available');
});

it('explains why a node is available or not', async () => {
  expect((await run('node', 'why', 'db1')).stdout).toContain('db1 is available: it takes jobs.\n');
  const unknown = await run('node', 'why', 'nobody');
  expect(unknown.stdout).toContain("Why: the Chef Server has no client 'nobody'");
});

it('watches nodes on a terminal until Ctrl-C', async () => {
  const watch = start(['node', 'status', '--watch', '--interval', '0.1'], 80);
  await watch.waitForOutput('3 of 3 nodes available');
  watch.type('\u0003');

  expect((await watch.outcome()).code).toBe(0);
});

it('checks the configuration', async () => {
  const { code, stdout } = await run('config', 'check');

  expect(code).toBe(0);
  expect(stdout).toContain(`user 'alice' (profile 'default' of ${workstation.home}/.chef/credentials)`);
  expect(stdout).toContain('Response:            OK, 3 nodes online\n');
});
