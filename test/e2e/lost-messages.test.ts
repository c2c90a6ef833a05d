import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { WellBehavedNode, type NodeStep } from '../support/well-behaved-node.js';
import { FeedReader } from '../support/feed-reader.js';
import { endRun, startRun, voteYes } from '../support/node-steps.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { useServer } from '../support/use-server.js';

const server = useServer({ heartbeat_interval: 400, rehab_timer: 1_000 });
let network: TcpProxy;
/** Connects through the proxy that simulates network failures. */
let far: SimulatedNode;
/** Connects directly. */
let near: SimulatedNode;

beforeAll(async () => {
  network = await startTcpProxy('127.0.0.1', server.config.command_port);
});
afterAll(() => network.close());
beforeEach(async () => {
  [far, near] = await Promise.all([server.availableNode('far', network.port), server.availableNode('near')]);
});
afterEach(() => {
  network.heal();
  far.close();
  near.close();
});

/** Resets the connections, so that messages in transit are lost; new connections work. */
const breakConnections = (): void => {
  network.cut();
  network.heal();
};

const countOf = (type: string): number => far.commands.filter((command) => command.type === type).length;

describe('when a message is lost with its connection', () => {
  it('a lost `run` is sent again once and the job completes', async () => {
    const id = await server.startJob({ nodes: ['far', 'near'] });
    await voteYes(far, id);
    await near.expectCommand('commit');
    network.dropServerBytes();
    near.reportedState = { state: 'committed', jobId: id };
    await near.sendJobMessage('ack_commit', id);
    await startRun(near, id);
    expect(countOf('run')).toBe(0);
    breakConnections();
    await far.expectCommand('ack'); // the server has noticed the new connection
    await startRun(far, id);
    await Promise.all([endRun(far, id), endRun(near, id)]);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['far', 'near'] });
    expect(countOf('run')).toBe(1);
  });

  it('a lost `commit` is sent again once and the node votes', async () => {
    network.dropServerBytes();
    const id = await server.startJob({ nodes: ['far'] });
    const feed = await FeedReader.open(server, id);
    await feed.waitForLine('start');
    breakConnections();
    await far.expectCommand('ack');
    await voteYes(far, id);
    await startRun(far, id);
    await endRun(far, id);
    expect((await feed.waitForEnd()).slice(1)).toEqual([
      'quorum_vote far success',
      'quorum_succeeded',
      'run_start far',
      'run_complete far success',
      'job_complete complete',
    ]);
    expect(countOf('commit')).toBe(1);
  });

  it('a lost vote and a lost start are derived from the heartbeats of the node', async () => {
    const id = await server.startJob({ nodes: ['far'] });
    await far.expectCommand('commit');
    far.reportedState = { state: 'committed', jobId: id }; // its ack_commit is lost
    breakConnections();
    await far.expectCommand('ack');
    await far.expectCommand('run');
    far.reportedState = { state: 'running', jobId: id }; // its ack_run is lost
    breakConnections();
    await far.expectCommand('ack');
    const feed = await FeedReader.open(server, id);
    await feed.waitForLine('run_start far');
    await endRun(far, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['far'] });
  });
});

describe('when a result is lost and the node takes the next job before the server notices', () => {
  let lost: string;
  beforeEach(async () => {
    lost = await server.startJob({ nodes: ['far'] });
    await voteYes(far, lost);
    await startRun(far, lost);
  });

  /** Ends the next job and expects that the node has got no command after its `run`. */
  const completeNext = async (next: string): Promise<void> => {
    await endRun(far, next);
    expect((await server.jobBecomes(next, 'complete')).nodes.succeeded).toContain('far');
    expect(far.commands.at(-1)).toMatchObject({ type: 'run', job_id: next });
  };

  it('the old job node becomes `crashed` within a few heartbeats and the next job completes', async () => {
    const next = await server.startJob({ nodes: ['far'] });
    await voteYes(far, next);
    await startRun(far, next);
    expect((await server.jobBecomes(lost, 'complete')).nodes).toEqual({ crashed: ['far'] });
    await completeNext(next);
  });

  it('the next job completes although the old job is aborted', async () => {
    const next = await server.startJob({ nodes: ['far', 'near'] });
    await far.expectCommand('commit');
    await far.sendJobMessage('ack_commit', next);
    await eventually(async () => (await server.job(next)).nodes.ready?.length === 1);
    const abort = server.post(`jobs/${lost}/abort`, '');
    far.reportedState = { state: 'committed', jobId: next };
    expect((await abort).body).toMatchObject({ status: 'aborted', nodes: { aborted: ['far'] } });
    await voteYes(near, next);
    await startRun(near, next);
    await startRun(far, next);
    await endRun(near, next);
    await completeNext(next);
  });
});

describe('when no message is lost', () => {
  it('a node that is slow to start gets `run` once', async () => {
    const id = await server.startJob({ nodes: ['far'] });
    await voteYes(far, id);
    await far.expectCommand('run');
    await far.expectServerHeartbeats(far.serverHeartbeats.length + 5);
    expect(countOf('run')).toBe(1);
    far.reportedState = { state: 'running', jobId: id };
    await far.sendJobMessage('ack_run', id);
    await endRun(far, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['far'] });
  });

  it('a node that reconnects before `run` gets it once', async () => {
    const id = await server.startJob({ nodes: ['far', 'near'] });
    await Promise.all([voteYes(far, id), near.expectCommand('commit')]);
    breakConnections();
    await far.expectCommand('ack');
    near.reportedState = { state: 'committed', jobId: id };
    await near.sendJobMessage('ack_commit', id);
    await far.expectCommand('run');
    await far.expectServerHeartbeats(far.serverHeartbeats.length + 4);
    expect(countOf('run')).toBe(1);
    await server.post(`jobs/${id}/abort`, '');
  });
});

describe('when the connection breaks at any step of a well-behaved node', () => {
  it.each<NodeStep>(['got commit', 'voted', 'got run', 'started', 'ended'])(
    'its command runs at most once and the job ends (%s)',
    async (step) => {
      let isBroken = false;
      const node = new WellBehavedNode(far, 50, (done) => {
        if (done !== step || isBroken) return;
        isBroken = true;
        breakConnections();
      });
      const id = await server.startJob({ nodes: ['far'] });
      const job = await server.jobBecomes(id, 'complete');
      node.stop();
      expect(isBroken).toBe(true);
      expect(node.runs.get(id)).toBe(1);
      expect(Object.keys(job.nodes)).toEqual([expect.stringMatching(/^(succeeded|crashed)$/)]);
    },
  );
});
