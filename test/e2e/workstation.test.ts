import { afterEach, beforeAll, expect, it } from 'vitest';
import type { Job, JobSummary } from '../../src/shared/protocol/rest-schemas.js';
import { answerCommands } from '../support/answer-commands.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { ORG } from '../support/server-surroundings.js';
import { useServer } from '../support/use-server.js';
import { useWorkstation } from '../support/use-workstation.js';

/** The built program, a server behind a development Chef Server, and two simulated nodes. */
const server = useServer();
const { start, run } = useWorkstation(server);
let web1: SimulatedNode;
let db1: SimulatedNode;
let stops: (() => void)[] = [];

beforeAll(async () => {
  server.chef.createNode(ORG, 'web1', { role: 'web' });
  server.chef.createNode(ORG, 'db1', { role: 'db' });
  web1 = await server.availableNode('web1');
  db1 = await server.availableNode('db1');
});
afterEach(() => {
  for (const stop of stops) stop();
  stops = [];
});

const answerOnBothNodes = () => {
  stops = [
    answerCommands(web1, 'succeeded', { stdout: 'up 3 days\n', stderr: '' }),
    answerCommands(db1, 'failed', { stdout: '', stderr: 'no such file\n' }),
  ];
};

const newestJob = async (): Promise<string> => (await server.get<JobSummary[]>('jobs')).body.at(-1)!.id;

const idIn = (stdout: string): string => /Job ID: ([0-9a-f]{32})/.exec(stdout)![1]!;

it('finds nodes by search, runs a job on them, and shows their output', async () => {
  answerOnBothNodes();
  const job = await run(['job', 'start', 'uptime', '--search', 'role:web OR role:db', '--capture']);
  const id = idIn(job.stdout);

  expect(job).toMatchObject({ code: 1, stderr: '' });
  expect(job.stdout).toContain('Complete. 1 of 2 nodes succeeded, 1 failed.\n  failed: db1\n');
  expect(await run(['job', 'output', id, 'web1'])).toEqual({ code: 0, stdout: 'up 3 days\n', stderr: '' });
  expect(await run(['job', 'output', id, 'db1', '--channel', 'stderr'])).toMatchObject({
    stdout: 'no such file\n',
  });

  const shown = await run(['job', 'status', id, '--format', 'json']);
  expect((JSON.parse(shown.stdout) as Job).nodes).toEqual({ succeeded: ['web1'], failed: ['db1'] });
  expect((await run(['job', 'list'])).stdout).toContain(id);
  expect((await run(['node', 'status', 'web1', 'nobody'])).stdout).toBe(
    'web1\tavailable\nnobody\tunavailable\n',
  );
});

it('prints plain lines into a pipe', async () => {
  answerOnBothNodes();
  const { stdout } = await run(['job', 'start', 'uptime', 'web1']);

  expect(stdout).toMatch(
    /^Started. {2}Job ID: [0-9a-f]{32}\nVoting\.\n(Running .*\n)+Complete\. All 1 node succeeded\.\n$/,
  );
});

it('draws progress on a terminal and leaves only the outcome', async () => {
  const job = start(['job', 'start', 'uptime', 'web1', 'db1'], 100);
  await job.waitForOutput('Voting   [--------------------] 0/2 nodes voted');
  answerOnBothNodes();
  const id = await newestJob();
  for (const node of [web1, db1]) await node.sendJobMessage('ack_commit', id);
  const { code, stdout } = await job.outcome();

  expect(code).toBe(1);
  expect(stdout).toContain('\r\u001b[2KRunning  [');
  expect(stdout).toContain('\r\u001b[2KComplete. 1 of 2 nodes succeeded, 1 failed.\r\n  failed: db1\r\n');
});

it('leaves the job running on Ctrl-C, and another run can follow it to its end', async () => {
  const first = start(['job', 'start', 'uptime', 'web1'], 100);
  await first.waitForOutput('0/1 nodes voted');
  first.type('\u0003');
  const { code, stdout } = await first.outcome();
  const id = idIn(stdout);

  expect(code).toBe(130);
  expect(stdout).toContain(`To follow it: push-jobs job watch ${id}`);
  expect(stdout).toContain(`To abort it:  push-jobs job abort ${id}`);
  expect((await server.job(id)).status).toBe('voting');

  const second = start(['job', 'watch', id]);
  await second.waitForOutput('Voting.');
  answerOnBothNodes();
  await web1.sendJobMessage('ack_commit', id);
  expect(await second.outcome()).toMatchObject({ code: 0, stderr: '' });
});

it('ends without a message and with exit code 141 if its output pipe is closed', async () => {
  const list = start(['job', 'list']);
  list.closeStdout();

  expect(await list.outcome()).toMatchObject({ code: 141, stderr: '' });
});
