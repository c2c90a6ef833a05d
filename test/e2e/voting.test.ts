import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FeedReader, readWholeFeed } from '../support/feed-reader.js';
import { answerAbort, endRun, startRun, voteNo, voteYes } from '../support/node-steps.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { useServer } from '../support/use-server.js';

const server = useServer({ voting_timeout: 2, rehab_timer: 1_000 });
let web1: SimulatedNode;
let web2: SimulatedNode;
beforeEach(async () => {
  [web1, web2] = await Promise.all([server.availableNode('web1'), server.availableNode('web2')]);
});
afterEach(() => {
  web1.close();
  web2.close();
});

/** Ends the rehab of a node. */
const recover = async (node: SimulatedNode, name: string): Promise<void> => {
  await answerAbort(node);
  await server.nodeBecomes(name, 'available');
};

describe('a vote', () => {
  it('of unknown nodes fails, with an event for each node', async () => {
    const id = await server.startJob({ nodes: ['ghost1', 'ghost2'] });
    const job = await server.jobBecomes(id, 'quorum_failed');
    expect(job.nodes).toEqual({ unavailable: ['ghost1', 'ghost2'] });
    expect(await readWholeFeed(server, id)).toEqual([
      'start',
      'quorum_vote ghost1 down',
      'rehab ghost1',
      'quorum_vote ghost2 down',
      'rehab ghost2',
      'job_complete quorum_failed',
    ]);
  });

  it('that fails sends `abort` to ready nodes and `run` to none', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'] });
    expect((await server.job(id)).nodes).toEqual({ new: ['web1', 'web2'] });
    await voteYes(web1, id);
    await voteNo(web2, id);
    const job = await server.jobBecomes(id, 'quorum_failed');
    expect(job.nodes).toEqual({ was_ready: ['web1'], nacked: ['web2'] });
    expect((await readWholeFeed(server, id)).slice(1)).toEqual([
      'quorum_vote web1 success',
      'quorum_vote web2 failure',
      'job_complete quorum_failed',
    ]);
    await recover(web1, 'web1');
    expect(web2.commands.map(({ type }) => type)).toEqual(['abort', 'commit']);
    expect(web1.commands.map(({ type }) => type)).toEqual(['abort', 'commit', 'abort']);
  });

  it('that a node repeats many times adds at most 16 events and no output', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'], capture_output: true });
    await voteYes(web1, id);
    for (let times = 0; times < 100; times++)
      await web1.sendJobMessage('ack_commit', id, { stdout: 'not yet' });
    await web1.sendJobMessage('nack_commit', id);
    await (await FeedReader.open(server, id)).waitForLine('quorum_vote web1 lost_availibility');
    await voteNo(web2, id);
    await server.jobBecomes(id, 'quorum_failed');
    const repeated = (await readWholeFeed(server, id)).filter(
      (line) => line === 'quorum_vote web1 unexpected_commit',
    );
    expect(repeated).toHaveLength(16);
    expect((await server.get(`jobs/${id}/output/web1/stdout`, { Accept: '*/*' })).status).toBe(404);
  });

  it('ends with the voting timeout for a node that does not vote', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'], quorum: 1 });
    await voteYes(web1, id);
    await web2.expectCommand('commit');
    await startRun(web1, id);
    await endRun(web1, id);
    const job = await server.jobBecomes(id, 'complete');
    expect(job.nodes).toEqual({ succeeded: ['web1'], unavailable: ['web2'] });
    expect((await readWholeFeed(server, id)).slice(1)).toEqual([
      'quorum_vote web1 success',
      'quorum_vote web2 voting_timeout',
      'quorum_succeeded',
      'run_start web1',
      'run_complete web1 success',
      'job_complete complete',
    ]);
  });

  it('that is sent twice counts once and adds an event', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'] });
    await voteYes(web1, id);
    const feed = await FeedReader.open(server, id);
    await web1.sendJobMessage('ack_commit', id);
    await feed.waitForLine('quorum_vote web1 unexpected_commit');
    await voteNo(web2, id);
    expect((await feed.waitForEnd()).slice(1, 4)).toEqual([
      'quorum_vote web1 success',
      'quorum_vote web1 unexpected_commit',
      'quorum_vote web2 failure',
    ]);
  });

  it('that a node withdraws makes the job node unavailable', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'] });
    await voteYes(web1, id);
    await web1.sendJobMessage('nack_commit', id);
    await recover(web1, 'web1');
    await voteNo(web2, id);
    const job = await server.jobBecomes(id, 'quorum_failed');
    expect(job.nodes).toEqual({ unavailable: ['web1'], nacked: ['web2'] });
    expect((await readWholeFeed(server, id)).slice(1)).toEqual([
      'quorum_vote web1 success',
      'rehab web1',
      'quorum_vote web1 lost_availibility',
      'quorum_vote web2 failure',
      'job_complete quorum_failed',
    ]);
  });

  it('fails without a vote event for a node that sends a result', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'] });
    await web1.expectCommand('commit');
    await web1.sendJobMessage('succeeded', id);
    await web1.expectCommand('abort');
    await voteYes(web2, id);
    const job = await server.jobBecomes(id, 'quorum_failed');
    expect(job.nodes).toEqual({ unavailable: ['web1'], was_ready: ['web2'] });
    expect((await readWholeFeed(server, id)).slice(1)).toEqual([
      'rehab web1',
      'quorum_vote web2 success',
      'job_complete quorum_failed',
    ]);
  });

  it('fails without a vote event for a node that sends nack_run', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'] });
    await voteYes(web1, id);
    await web1.sendJobMessage('nack_run', id);
    await recover(web1, 'web1');
    await voteNo(web2, id);
    await server.jobBecomes(id, 'quorum_failed');
    expect((await readWholeFeed(server, id)).slice(1)).toEqual([
      'quorum_vote web1 success',
      'rehab web1',
      'quorum_vote web2 failure',
      'job_complete quorum_failed',
    ]);
  });

  it('yes after no adds the event client_died_while_voting', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'] });
    await web1.expectCommand('commit');
    await web1.sendJobMessage('nack_commit', id);
    await web1.sendJobMessage('ack_commit', id);
    await recover(web1, 'web1');
    await voteNo(web2, id);
    await server.jobBecomes(id, 'quorum_failed');
    expect((await readWholeFeed(server, id)).slice(1)).toEqual([
      'quorum_vote web1 failure',
      'rehab web1',
      'quorum_vote web1 client_died_while_voting',
      'quorum_vote web2 failure',
      'job_complete quorum_failed',
    ]);
  });

  it('with a quorum of 0 passes without any node, and the job is complete', async () => {
    const id = await server.startJob({ nodes: ['ghost1'], quorum: 0 });
    expect(await readWholeFeed(server, id)).toEqual([
      'start',
      'quorum_vote ghost1 down',
      'rehab ghost1',
      'quorum_succeeded',
      'job_complete complete',
    ]);
  });

  it('no of a busy node does not affect the job that it runs', async () => {
    const first = await server.startJob({ nodes: ['web1'] });
    await voteYes(web1, first);
    await startRun(web1, first);
    const second = await server.startJob({ nodes: ['web1'] });
    await voteNo(web1, second);
    await server.jobBecomes(second, 'quorum_failed');
    await web1.sendJobMessage('nack_commit', 'f'.repeat(32));
    expect(await server.nodeState('web1')).toMatchObject({ availability: 'available' });
    await endRun(web1, first);
    expect((await server.jobBecomes(first, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
  });
});

describe('a node that runs a job', () => {
  /** The job that web1 runs. */
  let first: string;
  beforeEach(async () => {
    first = await server.startJob({ nodes: ['web1'] });
    await voteYes(web1, first);
    await startRun(web1, first);
    await (await FeedReader.open(server, first)).waitForLine('run_start web1');
  });

  /** Expects that the node still runs the first job, ends it, and then gets only the next `commit`. */
  const expectCompletion = async (): Promise<void> => {
    expect((await server.job(first)).nodes).toEqual({ running: ['web1'] });
    await endRun(web1, first);
    expect((await server.jobBecomes(first, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
    const next = await server.startJob({ nodes: ['web1'] });
    await voteNo(web1, next);
    await server.jobBecomes(next, 'quorum_failed');
  };

  it('continues when another job is aborted before the node has voted no', async () => {
    const second = await server.startJob({ nodes: ['web1'] });
    await web1.expectCommand('commit');
    const { status, body } = await server.post(`jobs/${second}/abort`, {});
    expect([status, body]).toMatchObject([200, { status: 'aborted', nodes: { aborted: ['web1'] } }]);
    await web1.sendJobMessage('nack_commit', second);
    await expectCompletion();
    expect(await readWholeFeed(server, second)).toEqual(['start', 'job_complete aborted']);
  });

  it('continues when its no votes for other jobs are late', async () => {
    const [alone, withAnother] = [
      await server.startJob({ nodes: ['web1'] }),
      await server.startJob({ nodes: ['web1', 'web2'], quorum: 1 }),
    ];
    await voteYes(web2, withAnother);
    await web1.expectCommand('commit');
    await web1.expectCommand('commit');
    expect((await server.jobBecomes(alone, 'quorum_failed')).nodes).toEqual({ unavailable: ['web1'] });
    await startRun(web2, withAnother);
    await web1.sendJobMessage('nack_commit', withAnother);
    await expectCompletion();
    await endRun(web2, withAnother);
    expect((await server.jobBecomes(withAnother, 'complete')).nodes).toEqual({
      unavailable: ['web1'],
      succeeded: ['web2'],
    });
    expect((await readWholeFeed(server, withAnother)).filter((line) => line.includes('web1'))).toEqual([
      'quorum_vote web1 voting_timeout',
    ]);
  });

  it('gets `abort` if it ends its job and then votes yes for an aborted job', async () => {
    const second = await server.startJob({ nodes: ['web1'] });
    await web1.expectCommand('commit');
    await server.post(`jobs/${second}/abort`, {});
    await endRun(web1, first);
    await server.jobBecomes(first, 'complete');
    await web1.sendJobMessage('ack_commit', second);
    await recover(web1, 'web1');
  });
});

describe('a node that has got `commit` of two jobs', () => {
  it('runs one job after the other was aborted', async () => {
    const first = await server.startJob({ nodes: ['web1'] });
    const second = await server.startJob({ nodes: ['web1'] });
    await server.post(`jobs/${second}/abort`, {});
    await server.jobBecomes(second, 'aborted');
    await voteYes(web1, first);
    await voteNo(web1, second);
    await startRun(web1, first);
    await endRun(web1, first);
    expect((await server.jobBecomes(first, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
  });

  it('gets `abort` when both jobs are aborted', async () => {
    const jobs = [await server.startJob({ nodes: ['web1'] }), await server.startJob({ nodes: ['web1'] })];
    for (const id of jobs) await server.post(`jobs/${id}/abort`, {});
    await web1.expectCommand('commit');
    await web1.expectCommand('commit');
    await recover(web1, 'web1');
  });
});
