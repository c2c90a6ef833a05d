import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job, JobNodeDetail } from '../../src/shared/protocol/rest-schemas.js';
import { eventually } from '../support/eventually.js';
import { FeedReader, readWholeFeed } from '../support/feed-reader.js';
import { answerAbort, endRun, startRun, voteYes } from '../support/node-steps.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { useServer } from '../support/use-server.js';

const LOST_CONTACT_INTERVALS = 12;
const server = useServer({
  voting_timeout: 60,
  rehab_timer: 300,
  wait_complete_time: 0,
  lost_contact_timeout: LOST_CONTACT_INTERVALS,
});

let name: string;
let node: SimulatedNode;
let nodeNumber = 0;
beforeEach(async () => {
  name = `web${++nodeNumber}`;
  node = await server.availableNode(name);
});
afterEach(() => node.close());

const startRunningJob = async (options: { capture_output?: boolean; run_timeout?: number } = {}) => {
  const id = await server.startJob({ nodes: [name], ...options });
  await voteYes(node, id);
  await startRun(node, id);
  await eventually(async () => (await server.job(id)).nodes.running?.length === 1);
  return id;
};

const beSilent = async (): Promise<void> => {
  node.stopHeartbeats();
  await eventually(async () => (await server.nodeState(name)).status === 'offline');
};

const detailOf = async (id: string): Promise<JobNodeDetail> => {
  const { body } = await server.get<Job>(`jobs/${id}?details=true`);
  return body.details!.nodes.find(({ node_name }) => node_name === name)!;
};

const abortsOf = (which = node): number => which.commands.filter(({ type }) => type === 'abort').length;

describe('a running node that is silent', () => {
  it('goes on when it is heard again, and gets no abort', async () => {
    const id = await startRunningJob();
    const before = Date.now();
    await beSilent();
    const { status, no_contact_since } = await detailOf(id);
    expect(status).toBe('running');
    expect(Math.abs(Date.parse(no_contact_since!) - before)).toBeLessThan(60_000);
    await node.startHeartbeats(100);
    await server.nodeBecomes(name, 'available');
    expect(await detailOf(id)).not.toHaveProperty('no_contact_since');
    await endRun(node, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: [name] });
    expect(abortsOf()).toBe(1);
    expect(await readWholeFeed(server, id)).not.toContain(`rehab ${name}`);
  });

  it('succeeds if its result is the first message of a new connection', async () => {
    const id = await startRunningJob();
    await beSilent();
    node.reconnect();
    await endRun(node, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: [name] });
  });

  it('succeeds although its ack_run was lost with the connection', async () => {
    const id = await server.startJob({ nodes: [name] });
    await voteYes(node, id);
    await node.expectCommand('run');
    await beSilent();
    node.reconnect();
    await node.sendHeartbeat('running', id);
    await endRun(node, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: [name] });
    expect(abortsOf()).toBe(1);
  });

  it('can still be aborted by a user: it gets the abort when it is heard again', async () => {
    const id = await startRunningJob();
    await beSilent();
    await server.post(`jobs/${id}/abort`, {});
    await node.startHeartbeats(100);
    await answerAbort(node);
    expect((await server.job(id)).nodes).toEqual({ aborted: [name] });
  });
});

describe('a running node without contact for lost_contact_timeout', () => {
  const loseContact = async (options: { capture_output?: boolean } = {}): Promise<string> => {
    const id = await startRunningJob(options);
    await beSilent();
    const feed = await FeedReader.open(server, id);
    await feed.waitForEnd();
    expect(feed.lines.slice(-3)).toEqual([
      `run_start ${name}`,
      `run_complete ${name} crashed`,
      'job_complete complete',
    ]);
    return id;
  };

  it('ends as crashed, but gets no abort when it says that it still runs, and its late result is kept', async () => {
    const id = await loseContact({ capture_output: true });
    expect(await detailOf(id)).toMatchObject({
      status: 'crashed',
      reason: expect.stringMatching(/^no contact since 20\d\d-.*Z$/) as string,
    });
    await node.startHeartbeats(100);
    await server.nodeBecomes(name, 'available');
    await node.sendHeartbeat();
    const { updated_at } = await detailOf(id);
    node.reportedState = { state: 'idle', jobId: null };
    await node.sendJobMessage('succeeded', id, { exit_code: 0, stdout: 'done', stderr: '' });
    await eventually(async () => (await detailOf(id)).late_result !== undefined);
    expect(await detailOf(id)).toMatchObject({
      status: 'crashed',
      updated_at,
      late_result: { status: 'succeeded', exit_code: 0, at: expect.any(String) as string },
    });
    const output = await server.getOutput(id, name, 'stdout');
    expect(output.ok && output.value.body.toString()).toBe('done');
    expect(abortsOf()).toBe(1);
    await server.nodeBecomes(name, 'available');
  });

  it('is still expected after a restart of the server', async () => {
    const id = await loseContact();
    await server.restart();
    await node.startHeartbeats(100);
    await server.nodeBecomes(name, 'available');
    node.reportedState = { state: 'idle', jobId: null };
    await node.sendJobMessage('failed', id, { exit_code: 3 });
    await eventually(async () => (await detailOf(id)).late_result !== undefined);
    expect((await detailOf(id)).late_result).toMatchObject({ status: 'failed', exit_code: 3 });
    expect(abortsOf()).toBe(1);
  });

  it('is not disturbed by the end of another job that it declines or does not answer', async () => {
    const id = await loseContact();
    await node.startHeartbeats(100);
    await server.nodeBecomes(name, 'available');
    const other = await server.startJob({ nodes: [name] });
    await node.expectCommand('commit');
    await server.post(`jobs/${other}/abort`, {});
    await node.sendJobMessage('nack_commit', other);
    await endRun(node, id);
    await eventually(async () => (await detailOf(id)).late_result !== undefined);
    expect(abortsOf()).toBe(1);
  });

  it('is told to drop the job if it is only committed: it would wait for run for ever', async () => {
    const id = await server.startJob({ nodes: [name] });
    await voteYes(node, id);
    await node.expectCommand('run');
    await beSilent();
    await server.jobBecomes(id, 'complete');
    await node.startHeartbeats(100);
    await answerAbort(node);
    await server.nodeBecomes(name, 'available');
  });
});

describe('a node that is silent after its vote', () => {
  it('keeps its vote, and runs the command if it is back before lost_contact_timeout', async () => {
    const slow = await server.availableNode(`slow-${name}`);
    const id = await server.startJob({ nodes: [name, `slow-${name}`] });
    await voteYes(node, id);
    await slow.expectCommand('commit');
    await beSilent();
    expect(await detailOf(id)).toMatchObject({ status: 'ready' });
    await node.startHeartbeats(100);
    await slow.sendJobMessage('ack_commit', id);
    slow.reportedState = { state: 'committed', jobId: id };
    for (const each of [node, slow]) {
      await startRun(each, id);
      await endRun(each, id);
    }
    const job = await server.jobBecomes(id, 'complete');
    expect(job.nodes).toEqual({ succeeded: [`slow-${name}`, name] });
    expect(abortsOf()).toBe(1);
    slow.close();
  });

  it('loses its vote after lost_contact_timeout', async () => {
    const slow = await server.availableNode(`slow-${name}`);
    const id = await server.startJob({ nodes: [name, `slow-${name}`], quorum: 2 });
    await voteYes(node, id);
    await slow.expectCommand('commit');
    await beSilent();
    await eventually(async () => (await server.job(id)).nodes.unavailable?.length === 1);
    expect(await detailOf(id)).toMatchObject({
      reason: expect.stringContaining('no contact since') as string,
    });
    slow.close();
  });

  it('ends within lost_contact_timeout of a restart of the server if it is not heard', async () => {
    const id = await server.startJob({ nodes: [name], run_timeout: 3600 });
    await voteYes(node, id);
    await node.expectCommand('run');
    node.stopHeartbeats();
    const before = Date.now();
    await server.restart();
    const { status, no_contact_since } = await detailOf(id);
    expect(status).toBe('ready');
    expect(Date.parse(no_contact_since!)).toBeGreaterThanOrEqual(before);
    const job = await server.jobBecomes(id, 'complete');
    expect(job.nodes).toEqual({ crashed: [name] });
  });
});

it('asks a node again at once that has lost the commit with its connection', async () => {
  const id = await server.startJob({ nodes: [name] });
  await node.expectCommand('commit');
  node.stopHeartbeats();
  node.reconnect();
  await node.sendHeartbeat();
  await node.expectCommand('ack');
  await voteYes(node, id);
  await startRun(node, id);
  await endRun(node, id);
  expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: [name] });
});

it.each(['ack_commit', 'nack_commit'] as const)(
  'ignores the second answer (%s) of a node that was asked twice although it had the first commit',
  async (second) => {
    const id = await server.startJob({ nodes: [name] });
    await node.expectCommand('commit');
    node.stopHeartbeats();
    node.reconnect();
    await node.sendHeartbeat();
    await node.expectCommand('ack');
    await voteYes(node, id);
    await node.sendJobMessage(second, id);
    await startRun(node, id);
    await endRun(node, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: [name] });
    expect(abortsOf()).toBe(1);
  },
);
