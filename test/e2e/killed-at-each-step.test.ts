import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { WellBehavedNode, type NodeStep } from '../support/well-behaved-node.js';
import { FeedReader } from '../support/feed-reader.js';
import { useServerProcess } from '../support/use-server.js';

const NAMES = ['web1', 'web2', 'web3'];
const RUN_MS = 300;

const running = useServerProcess({ heartbeat_interval: 500, rehab_timer: 1_000, voting_timeout: 30 });
const { server } = running;
let nodes: WellBehavedNode[];
let onStep: (step: NodeStep) => void = () => undefined;

beforeAll(async () => {
  nodes = await Promise.all(
    NAMES.map(
      async (name) => new WellBehavedNode(await server.availableNode(name), RUN_MS, (step) => onStep(step)),
    ),
  );
});
afterAll(() => {
  for (const node of nodes) node.stop();
});

/** Kills the server as soon as `count` nodes have done this step. */
const killWhen = (step: NodeStep, count: number): Promise<void> =>
  new Promise((resolve) => {
    let left = count;
    onStep = (done) => {
      if (done === step && --left === 0) resolve(running.process.kill());
    };
  });

const idOf = async (command: string): Promise<string> => {
  const [row] = await server.database.sql('SELECT id FROM jobs WHERE command = $1', [command]);
  return String(row!.id);
};

describe('a job whose server is killed', () => {
  it.each<[NodeStep, number]>([
    ['got commit', 1],
    ['voted', 3],
    ['got run', 1],
    ['started', 3],
    ['ended', 1],
  ])('when a node has %s (%i of 3) runs once on each node, and feeds have no gap', async (step, count) => {
    const org = await FeedReader.open(server);
    const killed = killWhen(step, count);
    // The POST fails if the server dies before it has responded.
    const posted = server.post('jobs', { command: `${step} ${count}`, nodes: NAMES }).catch(() => undefined);
    await killed;
    await posted;
    await eventually(() => org.ended);
    await server.startServer();
    const id = await idOf(`${step} ${count}`);

    const job = await eventually(
      async () => {
        const now = await server.job(id);
        if (now.status === 'complete') return now;
        throw new Error(`the job is ${now.status}: ${JSON.stringify(now.nodes)}`);
      },
      { withinMs: 40_000 },
    );
    expect(nodes.map(({ runs }) => runs.get(id))).toEqual([1, 1, 1]);
    // Only a result that was being sent to the killed server may be lost.
    const { succeeded = [], crashed = [], ...others } = job.nodes;
    expect(others).toEqual({});
    expect([...succeeded, ...crashed].sort()).toEqual(NAMES);
    if (step !== 'ended') expect(crashed).toEqual([]);

    const feed = await FeedReader.open(server, id);
    const all = await feed.waitForEnd();
    expect(all[0]).toBe('start');
    expect(all.at(-1)).toBe('job_complete complete');
    for (const name of NAMES) {
      const starts = all.filter((line) => line === `run_start ${name}`).length;
      expect(starts).toBeLessThanOrEqual(1);
      if (succeeded.includes(name)) expect(starts).toBe(1);
      expect(all.filter((line) => line.startsWith(`run_complete ${name}`))).toHaveLength(1);
      expect(all.filter((line) => line === `quorum_vote ${name} success`)).toHaveLength(1);
    }
    expect(feed.events.map((event) => event.id)).toEqual(all.map((_, index) => `job-${index + 1}`));
    for (const name of NAMES) await server.nodeBecomes(name, 'available');
    await expectOrgFeed(org, id);
  });
});

/** The organization's feed, resumed after its last event, contains start and end of the job once. */
const expectOrgFeed = async (before: FeedReader, id: string): Promise<void> => {
  const resumed = await FeedReader.open(server, undefined, before.events.at(-1)?.id ?? 'none');
  await eventually(() => resumed.events.some(({ data, name }) => name === 'job_complete' && data.job === id));
  resumed.close();
  const events = [...before.events, ...resumed.events].filter(({ data }) => data.job === id);
  expect(events.map(({ name }) => name)).toEqual(['start', 'job_complete']);
};
