import { beforeEach, describe, expect, it } from 'vitest';
import type { JobStore } from '../../../../../src/server/jobs/job-store.port.js';
import { LiveJob } from '../../../../../src/server/jobs/live/live-job.js';
import { systemClock } from '../../../../../src/shared/lib/clock.js';
import { TimeSlices } from '../../../../../src/shared/lib/time-slices.js';
import type { Fleet } from '../../../../../src/server/nodes/nodes.port.js';
import { createLogger } from '../../../../../src/shared/platform/logger.js';
import type { FeedEvent } from '../../../../../src/shared/protocol/feed-event.js';
import { turn } from '../../../../support/held-store.js';

const MANY = 20_000;
const names = Array.from({ length: MANY }, (_, index) => `web${index}`);

let here: Set<string>;
let asked: string[];

const fleet = {
  isAvailable: ({ node }) => here.has(node),
  trouble: ({ node }) => (here.has(node) ? undefined : 'silent'),
  send: (addresses, { type }) => {
    if (type === 'commit') asked.push(...addresses.map(({ node }) => node));
  },
  rehab: () => undefined,
} satisfies Partial<Fleet>;

const store = {
  nodeStatus: () => undefined,
  jobStatus: () => undefined,
  events: () => undefined,
  flushed: () => Promise.resolve(),
} satisfies Partial<JobStore>;

const newJob = (nodes = names): LiveJob =>
  new LiveJob(
    {
      id: 'a'.repeat(32),
      orgId: 'b'.repeat(32),
      command: 'x',
      runTimeout: 60,
      quorum: 1,
      createdBy: 'alice',
      createdAt: Date.now(),
      capture: false,
    },
    new Map(nodes.map((name) => [name, 'new'])),
    {
      store: store as unknown as JobStore,
      fleet: fleet as unknown as Fleet,
      clock: systemClock,
      logger: createLogger({ level: 'fatal' }),
      slices: new TimeSlices(),
      serverName: 'push.example.com',
      outputPace: () => 250,
      heartbeatIntervalMs: 10_000,
      elsewhere: () => 'free',
      onPublicEvent: () => undefined,
      onEnded: () => undefined,
    },
  );

const untilOver = async (job: LiveJob): Promise<number> => {
  let turns = 0;
  for (; !job.isOver; turns++) await turn();
  return turns;
};

const linesOf = (job: LiveJob): string[] => {
  const cursor = job.feed.readAfter(undefined);
  const lines: string[] = [];
  for (let event: FeedEvent | undefined = cursor.next(); event !== undefined; event = cursor.next()) {
    const { node, status } = JSON.parse(event.data) as { node?: string; status?: string };
    lines.push([event.name, node, status].filter((word) => word !== undefined).join(' '));
  }
  return lines;
};

beforeEach(() => {
  here = new Set();
  asked = [];
});

it('tells of a node that drops out before the nodes are looked through once, and after its start', async () => {
  const job = newJob(['web0', 'web1']);
  here.add('web1');
  for (const name of ['web0', 'web1']) job.down(name, 'no heartbeats came');
  await job.begin(60_000);
  await turn();
  expect(linesOf(job)).toEqual(['start', 'quorum_vote web0 down', 'rehab web0']);
  expect(asked).toEqual(['web1']);
  job.stop();
});

describe('a job on very many nodes that are all away', () => {
  it('lets all else have its turn, and tells of them in their order', async () => {
    const job = newJob();
    await job.begin(60_000);
    expect(job.statusOf(names.at(-1)!)).toBe('new');
    expect(await untilOver(job)).toBeGreaterThan(3);
    expect(job.status).toBe('quorum_failed');
    expect(asked).toEqual([]);
    const told = names.flatMap((name) => [`quorum_vote ${name} down`, `rehab ${name}`]);
    const expected = ['start', ...told, 'job_complete quorum_failed'];
    expect(linesOf(job).join('\n') === expected.join('\n')).toBe(true); // a difference would be too long to show
  });

  it('knows each of them to be gone once, also one that drops out while they are looked through', async () => {
    here.add(names[0]!);
    const job = newJob();
    const begun = job.begin(60_000);
    here.clear();
    for (const name of [names[0]!, names.at(-1)!]) job.down(name, 'no heartbeats came');
    await begun;
    await untilOver(job);
    expect(asked).toEqual([names[0]]);
    const lines = linesOf(job);
    expect(lines.filter((line) => line.startsWith('quorum_vote'))).toHaveLength(MANY);
    expect(lines.slice(-3)).toEqual([
      `quorum_vote ${names[0]} down`,
      `rehab ${names[0]}`,
      'job_complete quorum_failed',
    ]);
  });
});
