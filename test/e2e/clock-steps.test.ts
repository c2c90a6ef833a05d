import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/shared/lib/clock.js';
import { eventually } from '../support/eventually.js';
import { FeedReader } from '../support/feed-reader.js';
import { answerAbort, endRun, startRun, voteYes } from '../support/node-steps.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { QUIET_SETTINGS } from '../support/server-settings.js';
import { useServer } from '../support/use-server.js';

/** Seconds. Twice this is longer than the clock steps, and shorter than the clock skew that the Chef Server accepts. */
const CONFIG_LIFETIME = 400;

/** With a long `rehab_timer` the server does not repeat `abort` while a test waits for the next command. */
const server = useServer({ config_lifetime: CONFIG_LIFETIME, rehab_timer: QUIET_SETTINGS.rehab_timer });
let web1: SimulatedNode;
beforeAll(async () => (web1 = await server.availableNode('web1')));
afterEach(() => vi.restoreAllMocks());

const { now } = Date;
/** Steps the clock of the server and of the test's REST requests; the nodes' clock stays right. */
const stepServer = (ms: number): void =>
  void vi.spyOn(systemClock, 'now').mockImplementation(() => now() + ms);
/** Steps all clocks. */
const stepAll = (ms: number): void => void vi.spyOn(Date, 'now').mockImplementation(() => now() + ms);

describe.each([600_000, -600_000])('a clock step of %i ms', (ms) => {
  it('of the server only makes nodes unavailable with reason clock_skew until the clock is right again', async () => {
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

  it('of all clocks changes neither the run timeout, nor the order of the feed, nor the availability', async () => {
    const startedAt = performance.now();
    const id = await server.startJob({ nodes: ['web1'], run_timeout: 2 });
    const feed = await FeedReader.open(server, id);
    await voteYes(web1, id);
    await startRun(web1, id);
    await feed.waitForLine('run_start web1');
    stepAll(ms);
    expect((await feed.waitForEnd()).at(-1)).toBe('job_complete timed_out');
    expect(performance.now() - startedAt).toBeGreaterThan(1900);
    const times = feed.events.map(({ data }) => data.timestamp);
    expect(times).toEqual([...new Set(times)].sort());

    await web1.expectCommand('abort');
    web1.reportedState = { state: 'idle', jobId: null };
    await web1.sendJobMessage('aborted', null);
    await server.nodeBecomes('web1', 'available');
    vi.restoreAllMocks();
    await server.nodeBecomes('web1', 'available');
  });
});

describe('a node whose config is older than twice its lifetime', () => {
  it('is ignored unless it runs a job, and is available again with a new config', async () => {
    const identity = await server.createIdentity('web2');
    const idle = await server.connect(identity);
    await idle.startHeartbeats(100);
    await answerAbort(idle);
    await server.nodeBecomes('web2', 'available');
    const id = await server.startJob({ nodes: ['web1'] });
    await voteYes(web1, id);
    await startRun(web1, id);
    await eventually(async () => (await server.job(id)).nodes.running?.length === 1);

    stepAll(2 * CONFIG_LIFETIME * 1000);
    const { body: before } = await server.get('node_states/web2?details=true');
    expect(before).toMatchObject({ availability: 'unavailable', reason: 'config_too_old' });
    await eventually(async () => (await server.nodeState('web2')).status === 'offline');
    const { body } = await server.get('node_states/web2?details=true');
    expect(body).toMatchObject({ reason: 'config_too_old', dropped: { reason: 'config_too_old' } });

    await endRun(web1, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
    const next = await server.startJob({ nodes: ['web1'] });
    expect((await server.jobBecomes(next, 'quorum_failed')).nodes).toEqual({ unavailable: ['web1'] });

    await server.fetchConfig(identity);
    await server.nodeBecomes('web2', 'available');
  });
});
