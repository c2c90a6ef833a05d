import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FaithfulNode, type FaithfulStep } from '../support/faithful-node.js';
import { FeedReading } from '../support/feed-reading.js';
import { ServerProcess } from '../support/server-process.js';
import { ServerUnderTest } from '../support/server-under-test.js';

const NAMES = ['web1', 'web2', 'web3'];
const RUN_MS = 300;

let running: ServerProcess;
let server: ServerUnderTest;
let nodes: FaithfulNode[];
let onStep: (step: FaithfulStep) => void = () => undefined;

beforeAll(async () => {
  server = await ServerUnderTest.start(
    { heartbeat_interval: 500, rehab_timer: 1_000, voting_timeout: 30 },
    async (config, secrets) => (running = await ServerProcess.start(config, secrets)),
  );
  nodes = await Promise.all(
    NAMES.map(
      async (name) => new FaithfulNode(await server.availableNode(name), RUN_MS, (step) => onStep(step)),
    ),
  );
});
afterAll(async () => {
  for (const node of nodes) node.stop();
  await server.close();
});

/** Kills the server the moment that so many nodes have done this. */
const killWhen = (step: FaithfulStep, count: number): Promise<void> =>
  new Promise((resolve) => {
    let left = count;
    onStep = (done) => {
      if (done === step && --left === 0) resolve(running.kill());
    };
  });

const idOf = async (command: string): Promise<string> => {
  const [row] = await server.database.sql('SELECT id FROM jobs WHERE command = $1', [command]);
  return String(row!.id);
};

describe('a job whose server is killed', () => {
  it.each<[FaithfulStep, number]>([
    ['got commit', 1],
    ['voted', 3],
    ['got run', 1],
    ['started', 3],
    ['ended', 1],
  ])('when a node has %s (%i of 3) runs once on each node, and no reader sees a gap', async (step, count) => {
    const org = await FeedReading.open(server);
    const killed = killWhen(step, count);
    // Where the server dies first, nobody is told the id.
    const posted = server.post('jobs', { command: `${step} ${count}`, nodes: NAMES }).catch(() => undefined);
    await killed;
    await posted;
    await eventually(() => org.ended);
    await server.boot();
    const id = await idOf(`${step} ${count}`);

    const job = await eventually(
      async () => {
        const now = await server.job(id);
        if (now.status === 'complete') return now;
        throw new Error(`it is ${now.status}: ${JSON.stringify(now.nodes)}`);
      },
      { withinMs: 40_000 },
    );
    expect(nodes.map(({ runs }) => runs.get(id))).toEqual([1, 1, 1]);
    // Only a result that was on its way to the server that died may be lost.
    const { succeeded = [], crashed = [], ...others } = job.nodes;
    expect(others).toEqual({});
    expect([...succeeded, ...crashed].sort()).toEqual(NAMES);
    if (step !== 'ended') expect(crashed).toEqual([]);

    const feed = await FeedReading.open(server, id);
    const all = await feed.end();
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

/** The organization's feed, resumed where it broke off, tells the job's begin and end once. */
const expectOrgFeed = async (before: FeedReading, id: string): Promise<void> => {
  const resumed = await FeedReading.open(server, undefined, before.events.at(-1)?.id ?? 'none');
  await eventually(() => resumed.events.some(({ data, name }) => name === 'job_complete' && data.job === id));
  resumed.close();
  const told = [...before.events, ...resumed.events].filter(({ data }) => data.job === id);
  expect(told.map(({ name }) => name)).toEqual(['start', 'job_complete']);
};
