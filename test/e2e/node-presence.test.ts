import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { answerAbort, endRun, startRun, voteYes } from '../support/play-job.js';
import { ServerUnderTest } from '../support/server-under-test.js';

const UNKNOWN_JOB = 'e'.repeat(32);

let server: ServerUnderTest;
beforeAll(async () => (server = await ServerUnderTest.start({ voting_timeout: 2, rehab_timer: 300 })));
afterAll(() => server.close());

describe('a node', () => {
  it('that is heard for the first time is told to drop what it does, again and again until it says so', async () => {
    const node = await server.connect(await server.identity('first'));
    await node.beat(100);
    for (let times = 0; times < 3; times++) await node.expectCommand('abort');
    expect(await server.nodeState('first')).toMatchObject({ status: 'online', availability: 'unavailable' });
    await node.sendJobMessage('aborted', null);
    await server.nodeBecomes('first', 'available');
    const aborts = node.commands.length;
    await node.sendHeartbeat('running', UNKNOWN_JOB);
    await eventually(() => node.commands.length > aborts);
    expect(node.commands.slice(3).every(({ type }) => type === 'abort')).toBe(true);
  });

  it('that is idle and aborted something unknown is left alone', async () => {
    const node = await server.availableNode('calm');
    await node.sendJobMessage('aborted', UNKNOWN_JOB);
    await node.sendJobMessage('nack_commit', UNKNOWN_JOB);
    await node.sendJobMessage('nack_run', UNKNOWN_JOB);
    const id = await server.startJob({ nodes: ['calm'] });
    await voteYes(node, id);
    expect(node.commands.filter(({ type }) => type === 'abort')).toHaveLength(1);
    node.close();
  });

  it('that votes for a job that nobody knows goes to rehab', async () => {
    const node = await server.availableNode('confused');
    await node.sendJobMessage('ack_commit', UNKNOWN_JOB);
    await answerAbort(node);
    await server.nodeBecomes('confused', 'available');
    node.close();
  });

  it('that falls silent is offline soon, its vote is down, and it is welcome back', async () => {
    const node = await server.availableNode('silent');
    const id = await server.startJob({ nodes: ['silent'] });
    await node.expectCommand('commit');
    node.stopBeating();
    const since = performance.now();
    const job = await server.jobBecomes(id, 'quorum_failed');
    // Within three intervals of 200 ms, and what a busy machine adds; long before the voting timeout.
    expect(performance.now() - since).toBeLessThan(1_500);
    expect(job.nodes).toEqual({ unavailable: ['silent'] });
    expect(await server.nodeState('silent')).toEqual({
      node_name: 'silent',
      status: 'offline',
      availability: 'unavailable',
    });
    await node.beat(100);
    await answerAbort(node);
    await server.nodeBecomes('silent', 'available');
    node.close();
  });

  it('that two clients claim to be never runs a job twice, and others are not harmed', async () => {
    const identity = await server.identity('twin');
    const [left, right, other] = [
      await server.connect(identity),
      await server.connect(identity),
      await server.availableNode('other'),
    ];
    await left.beat(100);
    await right.beat(100);
    await Promise.all([left.expectCommand('abort'), right.expectCommand('abort')]);
    const id = await server.startJob({ nodes: ['twin', 'other'], quorum: 1 });
    await voteYes(other, id);
    await startRun(other, id);
    await endRun(other, id);
    const job = await server.jobBecomes(id, 'complete');
    expect(job.nodes.succeeded).toEqual(['other']);
    const runs = [...left.commands, ...right.commands].filter(({ type }) => type === 'run');
    expect(runs.length).toBeLessThanOrEqual(1);
    left.close();
    right.close();
  });

  it('that was given up while it ran drops the job when it is back', async () => {
    const node = await server.availableNode('late');
    const id = await server.startJob({ nodes: ['late'] });
    await voteYes(node, id);
    await startRun(node, id);
    node.stopBeating();
    await server.jobBecomes(id, 'complete'); // its node was noticed to be gone
    await node.beat(100);
    await answerAbort(node);
    await server.nodeBecomes('late', 'available');
    expect((await server.job(id)).nodes).toEqual({ crashed: ['late'] });
    node.close();
  });
});
