import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { answerAbort, endRun, startRun, voteYes } from '../support/node-steps.js';
import { useServer } from '../support/use-server.js';

const UNKNOWN_JOB = 'e'.repeat(32);

/** The voting timeout is so long that only silence can end the vote of a silent node. */
const server = useServer({ voting_timeout: 60, rehab_timer: 300 });

describe('a node', () => {
  it('gets `abort` at first contact, repeatedly until it confirms', async () => {
    const node = await server.connect(await server.createIdentity('first'));
    await node.startHeartbeats(100);
    for (let times = 0; times < 3; times++) await node.expectCommand('abort');
    expect(await server.nodeState('first')).toMatchObject({ status: 'online', availability: 'unavailable' });
    await node.sendJobMessage('aborted', null);
    await server.nodeBecomes('first', 'available');
    const aborts = node.commands.length;
    await node.sendHeartbeat('running', UNKNOWN_JOB);
    await eventually(() => node.commands.length > aborts);
    expect(node.commands.slice(3).every(({ type }) => type === 'abort')).toBe(true);
  });

  it('stays available if it is idle and rejects or aborts an unknown job', async () => {
    const node = await server.availableNode('calm');
    await node.sendJobMessage('aborted', UNKNOWN_JOB);
    await node.sendJobMessage('nack_commit', UNKNOWN_JOB);
    await node.sendJobMessage('nack_run', UNKNOWN_JOB);
    const id = await server.startJob({ nodes: ['calm'] });
    await voteYes(node, id);
    expect(node.commands.filter(({ type }) => type === 'abort')).toHaveLength(1);
    node.close();
  });

  it('goes to rehab if it votes for an unknown job', async () => {
    const node = await server.availableNode('confused');
    await node.sendJobMessage('ack_commit', UNKNOWN_JOB);
    await answerAbort(node);
    await server.nodeBecomes('confused', 'available');
    node.close();
  });

  it('that becomes silent is offline before the voting timeout, and available again after it returns', async () => {
    const node = await server.availableNode('silent');
    const id = await server.startJob({ nodes: ['silent'] });
    await node.expectCommand('commit');
    node.stopHeartbeats();
    const job = await server.jobBecomes(id, 'quorum_failed');
    expect(job.nodes).toEqual({ unavailable: ['silent'] });
    expect(await server.nodeState('silent')).toEqual({
      node_name: 'silent',
      status: 'offline',
      availability: 'unavailable',
    });
    await node.startHeartbeats(100);
    await server.nodeBecomes('silent', 'available');
    expect(node.commands.map(({ type }) => type)).toEqual(['abort', 'commit']);
    node.close();
  });

  it('with two clients never runs a job twice, and other nodes complete the job', async () => {
    const identity = await server.createIdentity('twin');
    const [left, right, other] = [
      await server.connect(identity),
      await server.connect(identity),
      await server.availableNode('other'),
    ];
    await left.startHeartbeats(100);
    await right.startHeartbeats(100);
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
});
