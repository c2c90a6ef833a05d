import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FeedReading, wholeFeed } from '../support/feed-reading.js';
import { endRun, startRun, voteNo, voteYes } from '../support/play-job.js';
import { ServerProcess } from '../support/server-process.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';

/** The seconds that the job of `forgotten` may run, over the restart. */
const RUN_TIMEOUT = 8;

const NAMES = [
  'idle',
  'asked',
  'ready',
  'hesitant',
  'voted',
  'runs',
  'started',
  'told',
  'quiet',
  'busy',
  'lapsed',
  'forgotten',
] as const;
type Name = (typeof NAMES)[number];

const restartBy: Record<string, (running: ServerProcess) => Promise<void>> = {
  stopped: (running) => running.stop(),
  'killed with SIGKILL': (running) => running.kill(),
};

describe.each(Object.keys(restartBy))('a server that was %s and started again', (way) => {
  let running: ServerProcess;
  let server: ServerUnderTest;
  let nodes: Record<Name, SimulatedNode>;
  const jobs = new Map<Name, string>();
  /** What was read of the organization's feed before, and of the job's that runs. */
  let orgBefore: FeedReading;
  /** The job that was called off before the node `busy` had refused it. */
  let refused: string;
  let runsBefore: FeedReading;

  const jobOf = (name: Name): string => jobs.get(name)!;
  const start = async (
    name: Name,
    others: Name[] = [],
    over: { run_timeout?: number } = {},
  ): Promise<string> => {
    const id = await server.startJob({ nodes: [name, ...others], ...over });
    jobs.set(name, id);
    return id;
  };
  const run = async (name: Name, over: { run_timeout?: number } = {}): Promise<void> => {
    const id = await start(name, [], over);
    await voteYes(nodes[name], id);
    await startRun(nodes[name], id);
    await eventually(async () => (await server.job(id)).nodes.running?.length === 1);
  };

  beforeAll(async () => {
    server = await ServerUnderTest.start(
      { heartbeat_interval: 500, rehab_timer: 1_000, voting_timeout: 30, wait_complete_time: 1 },
      async (config, secrets) => (running = await ServerProcess.start(config, secrets)),
    );
    const connected = NAMES.map(async (name) => [name, await server.availableNode(name)] as const);
    nodes = Object.fromEntries(await Promise.all(connected)) as Record<Name, SimulatedNode>;
    orgBefore = await FeedReading.open(server);
    await start('asked');
    await nodes.asked.expectCommand('commit');
    await start('ready', ['hesitant']);
    await nodes.hesitant.expectCommand('commit');
    await voteYes(nodes.ready, jobOf('ready'));
    await start('voted');
    await nodes.voted.expectCommand('commit');
    await start('told');
    await voteYes(nodes.told, jobOf('told'));
    await nodes.told.expectCommand('run');
    await start('started');
    await voteYes(nodes.started, jobOf('started'));
    await nodes.started.expectCommand('run');
    for (const name of ['runs', 'quiet', 'busy', 'lapsed'] as const) await run(name);
    refused = await server.startJob({ nodes: ['busy'] });
    await nodes.busy.expectCommand('commit');
    await server.post(`jobs/${refused}/abort`, {});
    await run('forgotten', { run_timeout: RUN_TIMEOUT });
    runsBefore = await FeedReading.open(server, jobOf('runs'));
    await runsBefore.until('run_start runs');

    const before = NAMES.map((name) => nodes[name].commands.length);
    const ended = restartBy[way]!(running);
    // What happens on the nodes while the server is away; its answers to `run` and `commit` got lost.
    nodes.voted.doing = { state: 'committed', jobId: jobOf('voted') };
    nodes.started.doing = { state: 'running', jobId: jobOf('started') };
    for (const name of ['quiet', 'busy', 'forgotten'] as const) nodes[name].stopBeating();
    nodes.lapsed.doing = { state: 'idle', jobId: null };
    await ended;
    expect(NAMES.map((name) => nodes[name].commands.length)).toEqual(before);
    await server.boot();
  });
  afterAll(() => server.close());

  it('greets a node that is idle with ack, and goes on knowing it', async () => {
    await nodes.idle.expectCommand('ack');
    await server.nodeBecomes('idle', 'available');
    const id = await server.startJob({ nodes: ['idle'] });
    await voteNo(nodes.idle, id);
    expect((await server.jobBecomes(id, 'quorum_failed')).nodes).toEqual({ nacked: ['idle'] });
  });

  it('asks a node again that had not voted and knows nothing of it', async () => {
    await nodes.asked.expectCommand('ack');
    await voteYes(nodes.asked, jobOf('asked'));
    await startRun(nodes.asked, jobOf('asked'));
    await endRun(nodes.asked, jobOf('asked'));
    expect((await server.jobBecomes(jobOf('asked'), 'complete')).nodes).toEqual({ succeeded: ['asked'] });
  });

  it('keeps the votes that were in', async () => {
    const id = jobOf('ready');
    await nodes.ready.expectCommand('ack');
    await nodes.hesitant.expectCommand('ack');
    await voteYes(nodes.hesitant, id);
    for (const name of ['ready', 'hesitant'] as const) {
      await startRun(nodes[name], id);
      await endRun(nodes[name], id);
    }
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['hesitant', 'ready'] });
    const lines = await wholeFeed(server, id);
    expect(lines.filter((line) => line.includes('vote'))).toEqual([
      'quorum_vote ready success',
      'quorum_vote hesitant success',
    ]);
  });

  it('takes a node as having voted whose vote got lost', async () => {
    await nodes.voted.expectCommand('ack');
    await startRun(nodes.voted, jobOf('voted'));
    await endRun(nodes.voted, jobOf('voted'));
    expect((await server.jobBecomes(jobOf('voted'), 'complete')).nodes).toEqual({ succeeded: ['voted'] });
  });

  it('takes a node as running whose word of it got lost, and never tells it to run twice', async () => {
    const id = jobOf('started');
    await nodes.started.expectCommand('ack');
    await eventually(async () => (await server.job(id)).nodes.running?.length === 1);
    await endRun(nodes.started, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['started'] });
    expect(nodes.started.commands.filter(({ type }) => type === 'run')).toHaveLength(1);
    expect((await wholeFeed(server, id)).slice(-3)).toEqual([
      'run_start started',
      'run_complete started success',
      'job_complete complete',
    ]);
  });

  it('tells a node to run that got ready and was told nothing', async () => {
    const id = jobOf('told');
    await nodes.told.expectCommand('ack');
    await startRun(nodes.told, id);
    await endRun(nodes.told, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['told'] });
  });

  it('goes on with a node that runs, and a reader of its feed sees no gap', async () => {
    const id = jobOf('runs');
    await nodes.runs.expectCommand('ack');
    await endRun(nodes.runs, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['runs'] });
    const resumed = await FeedReading.open(server, id, runsBefore.events.at(-1)!.id);
    await resumed.end();
    const all = [...runsBefore.events, ...resumed.events];
    expect(all.map((event) => event.id)).toEqual(all.map((_, index) => `job-${index + 1}`));
    expect([...runsBefore.lines, ...resumed.lines]).toEqual(await wholeFeed(server, id));
    const times = all.map(({ data }) => data.timestamp);
    expect(times).toEqual([...new Set(times)].sort());
  });

  it('takes the result of a node that ended meanwhile, as the first word of its new connection', async () => {
    const id = jobOf('quiet');
    expect((await server.job(id)).nodes).toEqual({ running: ['quiet'] });
    expect(await server.nodeState('quiet')).toMatchObject({ status: 'offline' });
    nodes.quiet.reconnect();
    await endRun(nodes.quiet, id);
    await nodes.quiet.expectCommand('ack');
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['quiet'] });
  });

  it('goes on with a node that runs and first of all refuses a job that is over', async () => {
    const id = jobOf('busy');
    nodes.busy.reconnect();
    await nodes.busy.sendJobMessage('nack_commit', refused);
    await nodes.busy.expectCommand('ack');
    await nodes.busy.sendHeartbeat();
    await endRun(nodes.busy, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['busy'] });
  });

  it('gives a node up that is idle and never said how it ended', async () => {
    await nodes.lapsed.expectCommand('ack');
    const job = await server.jobBecomes(jobOf('lapsed'), 'complete');
    expect(job.nodes).toEqual({ crashed: ['lapsed'] });
  });

  it('keeps the deadline of a job whose node never comes back', async () => {
    const id = jobOf('forgotten');
    const feed = await FeedReading.open(server, id);
    await eventually(() => feed.ended, { withinMs: (RUN_TIMEOUT + 30) * 1_000 });
    const [began, ended] = ['quorum_succeeded', 'job_complete'].map((name) =>
      Date.parse(feed.events.find((event) => event.name === name)!.data.timestamp.replace(' ', 'T')),
    );
    expect(ended! - began!).toBeGreaterThanOrEqual(RUN_TIMEOUT * 1_000 - 100);
    expect(ended! - began!).toBeLessThan((RUN_TIMEOUT + 2) * 1_000);
    expect((await server.job(id)).nodes).toEqual({ timed_out: ['forgotten'] });
  });

  it("goes on with the organization's feed, no id given twice", async () => {
    const known = orgBefore.events;
    const last = known.at(-1)!.id;
    const resumed = await FeedReading.open(server, undefined, last);
    await eventually(() =>
      resumed.events.some(({ name, data }) => name === 'job_complete' && data.job === jobOf('forgotten')),
    );
    resumed.close();
    const ids = [...known, ...resumed.events].map(({ id }) => Number(id.replace('org-', '')));
    expect(ids).toEqual(ids.map((_, index) => Number(ids[0]) + index));
    for (const job of jobs.values()) {
      const told = [...known, ...resumed.events].filter(({ data }) => data.job === job);
      expect(told.map(({ name }) => name)).toEqual(['start', 'job_complete']);
    }
  });

  it('shows every job that was acknowledged, and leaves no event behind that nobody needs', async () => {
    const { body } = await server.get<{ id: string }[]>('jobs');
    expect(body.map(({ id }) => id)).toEqual(expect.arrayContaining([...jobs.values()]));
    expect(body.length).toBeGreaterThanOrEqual(jobs.size);
    await eventually(async () => (await server.database.sql('SELECT 1 FROM job_events')).length === 0, {
      withinMs: 40_000,
    });
    expect(running.loggedErrors).toEqual([]);
  });
});
