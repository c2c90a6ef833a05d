import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FeedReader, readWholeFeed } from '../support/feed-reader.js';
import { endRun, startRun, voteNo, voteYes } from '../support/node-steps.js';
import { ServerProcess } from '../support/server-process.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { useServerProcess } from '../support/use-server.js';

/** Run timeout, in seconds, of the job of the node `gone`. */
const RUN_TIMEOUT = 8;

/** The nodes, by what they are doing when the server ends. */
const NAMES = [
  'idle',
  'asked', // has got `commit`
  'ready', // has voted yes
  'hesitant', // is asked for the job of `ready`, has not voted
  'voted', // its vote gets lost
  'runs',
  'started', // its `ack_run` gets lost
  'ordered', // has got `run`
  'quiet', // runs, is silent during the restart
  'busy', // runs, has got `commit` of another job
  'lapsed', // its result gets lost
  'gone', // runs, never comes back
] as const;
type Name = (typeof NAMES)[number];

const restartBy: Record<string, (running: ServerProcess) => Promise<void>> = {
  stopped: (running) => running.stop(),
  'killed with SIGKILL': (running) => running.kill(),
};

describe.each(Object.keys(restartBy))('a server that was %s and started again', (way) => {
  const running = useServerProcess({
    heartbeat_interval: 500,
    rehab_timer: 1_000,
    voting_timeout: 30,
    wait_complete_time: 1,
  });
  const { server } = running;
  let nodes: Record<Name, SimulatedNode>;
  const jobs = new Map<Name, string>();
  /** Feeds until the restart: of the organization, and of the job of `runs`. */
  let orgBefore: FeedReader;
  let runsBefore: FeedReader;
  let goneAfter: FeedReader;
  /** A job that was aborted before `busy` had voted no. */
  let abortedJob: string;

  const jobOf = (name: Name): string => jobs.get(name)!;
  const start = async (
    name: Name,
    others: Name[] = [],
    options: { run_timeout?: number } = {},
  ): Promise<string> => {
    const id = await server.startJob({ nodes: [name, ...others], ...options });
    jobs.set(name, id);
    return id;
  };
  const run = async (name: Name, options: { run_timeout?: number } = {}): Promise<void> => {
    const id = await start(name, [], options);
    await voteYes(nodes[name], id);
    await startRun(nodes[name], id);
    await eventually(async () => (await server.job(id)).nodes.running?.length === 1);
  };

  beforeAll(async () => {
    const connected = NAMES.map(async (name) => [name, await server.availableNode(name)] as const);
    nodes = Object.fromEntries(await Promise.all(connected)) as Record<Name, SimulatedNode>;
    orgBefore = await FeedReader.open(server);
    await start('asked');
    await nodes.asked.expectCommand('commit');
    await start('ready', ['hesitant']);
    await nodes.hesitant.expectCommand('commit');
    await voteYes(nodes.ready, jobOf('ready'));
    await start('voted');
    await nodes.voted.expectCommand('commit');
    await start('ordered');
    await voteYes(nodes.ordered, jobOf('ordered'));
    await nodes.ordered.expectCommand('run');
    await start('started');
    await voteYes(nodes.started, jobOf('started'));
    await nodes.started.expectCommand('run');
    for (const name of ['runs', 'quiet', 'busy', 'lapsed'] as const) await run(name);
    abortedJob = await server.startJob({ nodes: ['busy'] });
    await nodes.busy.expectCommand('commit');
    await server.post(`jobs/${abortedJob}/abort`, {});
    await run('gone', { run_timeout: RUN_TIMEOUT });
    runsBefore = await FeedReader.open(server, jobOf('runs'));
    await runsBefore.waitForLine('run_start runs');

    const before = NAMES.map((name) => nodes[name].commands.length);
    const ended = restartBy[way]!(running.process);
    // What happens on the nodes while the server is down. `ack_run` and `ack_commit` are lost.
    nodes.voted.reportedState = { state: 'committed', jobId: jobOf('voted') };
    nodes.started.reportedState = { state: 'running', jobId: jobOf('started') };
    for (const name of ['quiet', 'busy', 'gone'] as const) nodes[name].stopHeartbeats();
    nodes.lapsed.reportedState = { state: 'idle', jobId: null };
    await ended;
    expect(NAMES.map((name) => nodes[name].commands.length)).toEqual(before);
    await server.startServer();
    goneAfter = await FeedReader.open(server, jobOf('gone'));
  });

  it('sends `ack` to an idle node, which stays available', async () => {
    await nodes.idle.expectCommand('ack');
    await server.nodeBecomes('idle', 'available');
    const id = await server.startJob({ nodes: ['idle'] });
    await voteNo(nodes.idle, id);
    expect((await server.jobBecomes(id, 'quorum_failed')).nodes).toEqual({ nacked: ['idle'] });
  });

  it('repeats `commit` to a node that had not voted and is idle', async () => {
    await nodes.asked.expectCommand('ack');
    await voteYes(nodes.asked, jobOf('asked'));
    await startRun(nodes.asked, jobOf('asked'));
    await endRun(nodes.asked, jobOf('asked'));
    expect((await server.jobBecomes(jobOf('asked'), 'complete')).nodes).toEqual({ succeeded: ['asked'] });
  });

  it('keeps votes that it had received', async () => {
    const id = jobOf('ready');
    await nodes.ready.expectCommand('ack');
    await nodes.hesitant.expectCommand('ack');
    await voteYes(nodes.hesitant, id);
    for (const name of ['ready', 'hesitant'] as const) {
      await startRun(nodes[name], id);
      await endRun(nodes[name], id);
    }
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['hesitant', 'ready'] });
    const lines = await readWholeFeed(server, id);
    expect(lines.filter((line) => line.includes('vote'))).toEqual([
      'quorum_vote ready success',
      'quorum_vote hesitant success',
    ]);
  });

  it('accepts the heartbeats of a node as its vote if the vote was lost', async () => {
    await nodes.voted.expectCommand('ack');
    await startRun(nodes.voted, jobOf('voted'));
    await endRun(nodes.voted, jobOf('voted'));
    expect((await server.jobBecomes(jobOf('voted'), 'complete')).nodes).toEqual({ succeeded: ['voted'] });
  });

  it('accepts the heartbeats of a node as its start if `ack_run` was lost, and sends `run` once', async () => {
    const id = jobOf('started');
    await nodes.started.expectCommand('ack');
    await eventually(async () => (await server.job(id)).nodes.running?.length === 1);
    await endRun(nodes.started, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['started'] });
    expect(nodes.started.commands.filter(({ type }) => type === 'run')).toHaveLength(1);
    expect((await readWholeFeed(server, id)).slice(-3)).toEqual([
      'run_start started',
      'run_complete started success',
      'job_complete complete',
    ]);
  });

  it('repeats `run` to a node that has not started', async () => {
    const id = jobOf('ordered');
    await nodes.ordered.expectCommand('ack');
    await startRun(nodes.ordered, id);
    await endRun(nodes.ordered, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['ordered'] });
  });

  it('keeps the job of a running node, and its feed has no gap', async () => {
    const id = jobOf('runs');
    await nodes.runs.expectCommand('ack');
    await endRun(nodes.runs, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['runs'] });
    const resumed = await FeedReader.open(server, id, runsBefore.events.at(-1)!.id);
    await resumed.waitForEnd();
    const all = [...runsBefore.events, ...resumed.events];
    expect(all.map((event) => event.id)).toEqual(all.map((_, index) => `job-${index + 1}`));
    expect([...runsBefore.lines, ...resumed.lines]).toEqual(await readWholeFeed(server, id));
    const times = all.map(({ data }) => data.timestamp);
    expect(times).toEqual([...new Set(times)].sort());
  });

  it('accepts a result as the first message of a new connection', async () => {
    const id = jobOf('quiet');
    expect((await server.job(id)).nodes).toEqual({ running: ['quiet'] });
    expect(await server.nodeState('quiet')).toMatchObject({ status: 'offline' });
    nodes.quiet.reconnect();
    await endRun(nodes.quiet, id);
    await nodes.quiet.expectCommand('ack');
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['quiet'] });
  });

  it('keeps the job of a running node whose first message is a no vote for an aborted job', async () => {
    const id = jobOf('busy');
    nodes.busy.reconnect();
    await nodes.busy.sendJobMessage('nack_commit', abortedJob);
    await nodes.busy.expectCommand('ack');
    await nodes.busy.sendHeartbeat();
    await endRun(nodes.busy, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['busy'] });
  });

  it('sets a job node to `crashed` if the node is idle and its result was lost', async () => {
    await nodes.lapsed.expectCommand('ack');
    const job = await server.jobBecomes(jobOf('lapsed'), 'complete');
    expect(job.nodes).toEqual({ crashed: ['lapsed'] });
  });

  it('keeps the run timeout of a job whose node never comes back', async () => {
    const id = jobOf('gone');
    const feed = goneAfter;
    await eventually(() => feed.ended, { withinMs: (RUN_TIMEOUT + 30) * 1_000 });
    const [began, ended] = ['quorum_succeeded', 'job_complete'].map((name) =>
      Date.parse(feed.events.find((event) => event.name === name)!.data.timestamp.replace(' ', 'T')),
    );
    expect(ended! - began!).toBeGreaterThanOrEqual(RUN_TIMEOUT * 1_000 - 100);
    expect((await server.job(id)).nodes).toEqual({ timed_out: ['gone'] });
  });

  it("continues the organization's feed with consecutive ids", async () => {
    const known = orgBefore.events;
    const last = known.at(-1)!.id;
    const resumed = await FeedReader.open(server, undefined, last);
    await eventually(() =>
      resumed.events.some(({ name, data }) => name === 'job_complete' && data.job === jobOf('gone')),
    );
    resumed.close();
    const ids = [...known, ...resumed.events].map(({ id }) => Number(id.replace('org-', '')));
    expect(ids).toEqual(ids.map((_, index) => Number(ids[0]) + index));
    for (const job of jobs.values()) {
      const events = [...known, ...resumed.events].filter(({ data }) => data.job === job);
      expect(events.map(({ name }) => name)).toEqual(['start', 'job_complete']);
    }
  });

  it('lists every acknowledged job, deletes events of ended jobs, and logs no error', async () => {
    const { body } = await server.get<{ id: string }[]>('jobs');
    expect(body.map(({ id }) => id)).toEqual(expect.arrayContaining([...jobs.values()]));
    expect(body.length).toBeGreaterThanOrEqual(jobs.size);
    await eventually(async () => (await server.database.sql('SELECT 1 FROM job_events')).length === 0, {
      withinMs: 40_000,
    });
    expect(running.process.loggedErrors).toEqual([]);
  });
});
