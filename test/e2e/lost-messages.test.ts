import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FaithfulNode, type FaithfulStep } from '../support/faithful-node.js';
import { FeedReading } from '../support/feed-reading.js';
import { endRun, startRun, voteYes } from '../support/play-job.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

let server: ServerUnderTest;
let network: TcpProxy;
/** Behind the network that fails. */
let far: SimulatedNode;
let near: SimulatedNode;

beforeAll(async () => {
  server = await ServerUnderTest.start({ heartbeat_interval: 400, rehab_timer: 1_000 });
  network = await startTcpProxy('127.0.0.1', server.config.command_port);
});
afterAll(async () => {
  await server.close();
  await network.close();
});
beforeEach(async () => {
  [far, near] = await Promise.all([server.availableNode('far', network.port), server.availableNode('near')]);
});
afterEach(() => {
  network.heal();
  far.close();
  near.close();
});

/** The connections break, and new ones can be made: what was on its way is lost. */
const breakConnections = (): void => {
  network.cut();
  network.heal();
};

const countOf = (type: string): number => far.commands.filter((command) => command.type === type).length;

describe('when a message to a node is lost with its connection', () => {
  it('a lost run is sent again, once, and the job ends well', async () => {
    const id = await server.startJob({ nodes: ['far', 'near'] });
    await voteYes(far, id);
    await near.expectCommand('commit');
    network.swallowAnswers();
    near.doing = { state: 'committed', jobId: id };
    await near.sendJobMessage('ack_commit', id);
    await startRun(near, id);
    expect(countOf('run')).toBe(0);
    breakConnections();
    await far.expectCommand('ack'); // the new connection is seen
    await startRun(far, id);
    await Promise.all([endRun(far, id), endRun(near, id)]);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['far', 'near'] });
    expect(countOf('run')).toBe(1);
  });

  it('a lost commit is sent again, once, and the node votes', async () => {
    network.swallowAnswers();
    const id = await server.startJob({ nodes: ['far'] });
    const feed = await FeedReading.open(server, id);
    await feed.until('start');
    breakConnections();
    await far.expectCommand('ack');
    await voteYes(far, id);
    await startRun(far, id);
    await endRun(far, id);
    expect((await feed.end()).slice(1)).toEqual([
      'quorum_vote far success',
      'quorum_succeeded',
      'run_start far',
      'run_complete far success',
      'job_complete complete',
    ]);
    expect(countOf('commit')).toBe(1);
  });

  it('a vote and a start that got lost are taken from what the node says', async () => {
    const id = await server.startJob({ nodes: ['far'] });
    await far.expectCommand('commit');
    far.doing = { state: 'committed', jobId: id }; // its ack_commit is lost
    breakConnections();
    await far.expectCommand('ack');
    await far.expectCommand('run');
    far.doing = { state: 'running', jobId: id }; // its ack_run is lost
    breakConnections();
    await far.expectCommand('ack');
    const feed = await FeedReading.open(server, id);
    await feed.until('run_start far');
    await endRun(far, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['far'] });
  });
});

describe('when a result is lost and the node takes the next job before that was found out', () => {
  let lost: string;
  beforeEach(async () => {
    lost = await server.startJob({ nodes: ['far'] });
    await voteYes(far, lost);
    await startRun(far, lost);
  });

  /** The node was left alone: it ends the next job, and the last that came was the order to run it. */
  const endsTheNext = async (next: string): Promise<void> => {
    await endRun(far, next);
    expect((await server.jobBecomes(next, 'complete')).nodes.succeeded).toContain('far');
    expect(far.commands.at(-1)).toMatchObject({ type: 'run', job_id: next });
  };

  it('the old job ends as crashed within a few heartbeats, and the node goes on', async () => {
    const next = await server.startJob({ nodes: ['far'] });
    await voteYes(far, next);
    await startRun(far, next);
    expect((await server.jobBecomes(lost, 'complete')).nodes).toEqual({ crashed: ['far'] });
    await endsTheNext(next);
  });

  it('the node goes on when the old job is called off', async () => {
    const next = await server.startJob({ nodes: ['far', 'near'] });
    await far.expectCommand('commit');
    await far.sendJobMessage('ack_commit', next);
    await eventually(async () => (await server.job(next)).nodes.ready?.length === 1);
    const abort = server.post(`jobs/${lost}/abort`, '');
    far.doing = { state: 'committed', jobId: next };
    expect((await abort).body).toMatchObject({ status: 'aborted', nodes: { aborted: ['far'] } });
    await voteYes(near, next);
    await startRun(near, next);
    await startRun(far, next);
    await endRun(near, next);
    await endsTheNext(next);
  });
});

describe('when nothing is lost', () => {
  it('a node that takes its time to start is not told twice', async () => {
    const id = await server.startJob({ nodes: ['far'] });
    await voteYes(far, id);
    await far.expectCommand('run');
    await far.expectServerHeartbeats(far.serverHeartbeats.length + 5);
    expect(countOf('run')).toBe(1);
    far.doing = { state: 'running', jobId: id };
    await far.sendJobMessage('ack_run', id);
    await endRun(far, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['far'] });
  });

  it('a node that reconnects before it is told is told once', async () => {
    const id = await server.startJob({ nodes: ['far', 'near'] });
    await Promise.all([voteYes(far, id), near.expectCommand('commit')]);
    breakConnections();
    await far.expectCommand('ack');
    near.doing = { state: 'committed', jobId: id };
    await near.sendJobMessage('ack_commit', id);
    await far.expectCommand('run');
    await far.expectServerHeartbeats(far.serverHeartbeats.length + 4);
    expect(countOf('run')).toBe(1);
    await server.post(`jobs/${id}/abort`, '');
  });
});

describe('when the connection breaks at any step of a node that is in order', () => {
  it.each<FaithfulStep>(['got commit', 'voted', 'got run', 'started', 'ended'])(
    'its command runs at most once and the job ends (%s)',
    async (step) => {
      let isBroken = false;
      const faithful = new FaithfulNode(far, 50, (done) => {
        if (done !== step || isBroken) return;
        isBroken = true;
        breakConnections();
      });
      const id = await server.startJob({ nodes: ['far'] });
      const job = await server.jobBecomes(id, 'complete');
      faithful.stop();
      expect(isBroken).toBe(true);
      expect(faithful.runs.get(id)).toBe(1);
      expect(Object.keys(job.nodes)).toEqual([expect.stringMatching(/^(succeeded|crashed)$/)]);
    },
  );
});
