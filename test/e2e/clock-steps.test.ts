import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/shared/lib/clock.js';
import { eventually } from '../support/eventually.js';
import { FeedReading } from '../support/feed-reading.js';
import { answerAbort, endRun, startRun, voteYes } from '../support/play-job.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';

/** Twice that is longer than the steps, and shorter than what the clocks of a Chef Server and its clients may differ. */
const CONFIG_LIFETIME = 400;

/** Milliseconds: on a slow machine a node must not get `abort` twice where a test waits for the next command. */
const LONG = 60_000;

let server: ServerUnderTest;
let web1: SimulatedNode;
beforeAll(async () => {
  server = await ServerUnderTest.start({ config_lifetime: CONFIG_LIFETIME, rehab_timer: LONG });
  web1 = await server.availableNode('web1');
});
afterAll(() => server.close());
afterEach(() => vi.restoreAllMocks());

const { now } = Date;
/** The clock of the server, and of who asks it, is wrong by so many milliseconds from now on; that of nodes is right. */
const stepServer = (ms: number): void =>
  void vi.spyOn(systemClock, 'now').mockImplementation(() => now() + ms);
/** All clocks are set by so many milliseconds. */
const stepAll = (ms: number): void => void vi.spyOn(Date, 'now').mockImplementation(() => now() + ms);

describe.each([600_000, -600_000])('clocks that step by %i ms', (ms) => {
  it('that of the server alone: nodes are unavailable, it is said why, and they come back with it', async () => {
    stepServer(ms);
    await server.nodeBecomes('web1', 'unavailable');
    const { body } = await server.get('node_states/web1?details=true');
    expect(body).toMatchObject({ status: 'offline', reason: 'clock_skew' });

    vi.restoreAllMocks();
    await server.nodeBecomes('web1', 'available');
    const id = await server.startJob({ nodes: ['web1'] });
    await voteYes(web1, id);
    await startRun(web1, id);
    await endRun(web1, id);
    await server.jobBecomes(id, 'complete');
  });

  it('all of them: a job keeps its time, its feed its order, and its node its place', async () => {
    const id = await server.startJob({ nodes: ['web1'], run_timeout: 2 });
    const feed = await FeedReading.open(server, id);
    await voteYes(web1, id);
    await startRun(web1, id);
    const began = performance.now();
    await feed.until('run_start web1');
    stepAll(ms);
    expect((await feed.end()).at(-1)).toBe('job_complete timed_out');
    expect(performance.now() - began).toBeGreaterThan(1000);
    const times = feed.events.map(({ data }) => data.timestamp);
    expect(times).toEqual([...new Set(times)].sort());

    await web1.expectCommand('abort');
    web1.doing = { state: 'idle', jobId: null };
    await web1.sendJobMessage('aborted', null);
    await server.nodeBecomes('web1', 'available');
    vi.restoreAllMocks();
    await server.nodeBecomes('web1', 'available');
  });
});

describe('a node that has not fetched its config for twice its lifetime', () => {
  it('is not listened to, unless it is at a job, and is welcome with a new config', async () => {
    const identity = await server.identity('web2');
    const idle = await server.connect(identity);
    await idle.beat(100);
    await answerAbort(idle);
    await server.nodeBecomes('web2', 'available');
    const id = await server.startJob({ nodes: ['web1'] });
    await voteYes(web1, id);
    await startRun(web1, id);
    await eventually(async () => (await server.job(id)).nodes.running?.length === 1);

    stepAll(2 * CONFIG_LIFETIME * 1000);
    const { body: unasked } = await server.get('node_states/web2?details=true');
    expect(unasked).toMatchObject({ availability: 'unavailable', reason: 'config_too_old' });
    await eventually(async () => (await server.nodeState('web2')).status === 'offline');
    const { body } = await server.get('node_states/web2?details=true');
    expect(body).toMatchObject({ reason: 'config_too_old', dropped: { reason: 'config_too_old' } });

    await endRun(web1, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
    const next = await server.startJob({ nodes: ['web1'] });
    expect((await server.jobBecomes(next, 'quorum_failed')).nodes).toEqual({ unavailable: ['web1'] });

    await server.configOf(identity);
    await server.nodeBecomes('web2', 'available');
  });
});
