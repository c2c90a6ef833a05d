import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobStore } from '../../../../../src/server/jobs/job-store.port.js';
import { LiveJob } from '../../../../../src/server/jobs/live/live-job.js';
import { systemClock } from '../../../../../src/shared/lib/clock.js';
import { deferred } from '../../../../../src/shared/lib/deferred.js';
import { SliceScheduler } from '../../../../../src/shared/lib/time-slices.js';
import type { NodeDirectory } from '../../../../../src/server/nodes/nodes.port.js';
import { createLogger } from '../../../../../src/shared/platform/logger.js';
import type { JobMessage } from '../../../../../src/shared/protocol/client-message.js';
import type { NodeAddress } from '../../../../../src/shared/protocol/node-address.js';
import type { FeedEvent } from '../../../../../src/shared/protocol/feed-event.js';
import { nextEventLoopTurn } from '../../../../support/controllable-store.js';

const MANY = 20_000;
const names = Array.from({ length: MANY }, (_, index) => `web${index}`);

let online: Set<string>;
let committed: string[];
let confirmed: string[];

const nodeDirectory = {
  isAvailable: ({ node }) => online.has(node),
  isOnline: ({ node }) => online.has(node),
  unavailabilityReason: ({ node }) => (online.has(node) ? undefined : 'silent'),
  send: (addresses, { type }) => {
    if (type === 'commit') committed.push(...addresses.map(({ node }) => node));
  },
  rehab: () => undefined,
} satisfies Partial<NodeDirectory>;

const store = {
  saveNodeStatus: () => undefined,
  saveJobStatus: () => undefined,
  saveEvents: () => undefined,
  flushed: () => Promise.resolve(),
} satisfies Partial<JobStore>;

const silence = { since: 0, lastSeenAt: 0, intervalMs: 10_000 };

const newJob = (nodes = names, jobStore: Partial<JobStore> = store): LiveJob =>
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
      store: jobStore as unknown as JobStore,
      nodeDirectory: nodeDirectory as unknown as NodeDirectory,
      clock: systemClock,
      logger: createLogger({ level: 'fatal' }),
      slices: new SliceScheduler(),
      serverName: 'push.example.com',
      outputIntervalMs: () => 250,
      heartbeatIntervalMs: 10_000,
      confirmations: {
        confirmWhenStored: ({ node }: NodeAddress, jobId: string) => confirmed.push(`${node} ${jobId}`),
      },
      otherJobs: () => 'none',
      lostContactMs: (intervalMs) => 12 * intervalMs,
      onContactLost: () => undefined,
      onPublicEvent: () => undefined,
      onEnded: () => undefined,
    },
  );

const untilOver = async (job: LiveJob): Promise<number> => {
  let turns = 0;
  for (; !job.isOver; turns++) await nextEventLoopTurn();
  return turns;
};

const linesOf = (job: LiveJob): string[] => {
  const cursor = job.feed.readAfter(undefined);
  const lines: string[] = [];
  for (let event: FeedEvent | undefined = cursor.next(); event !== undefined; event = cursor.next()) {
    const { node, status } = JSON.parse(event.data) as { node?: string; status?: string };
    lines.push([event.name, node, status].filter((text) => text !== undefined).join(' '));
  }
  return lines;
};

const nackOf = (node: string): JobMessage => ({
  type: 'nack_commit',
  node,
  org: 'acme',
  job_id: 'a'.repeat(32),
  sequence: 1,
  timestamp: '',
  incarnation_id: 'i',
});

beforeEach(() => {
  online = new Set();
  [committed, confirmed] = [[], []];
});

it('reports a node that goes offline before the start once, and after the start event', async () => {
  const job = newJob(['web0', 'web1']);
  online.add('web1');
  for (const name of ['web0', 'web1']) job.nodeOffline(name, silence);
  await job.start(60_000);
  await nextEventLoopTurn();
  expect(linesOf(job)).toEqual(['start', 'quorum_vote web0 down', 'rehab web0']);
  expect(committed).toEqual(['web1']);
  job.stop();
});

it('shows the outcome at the moment when its last node has ended, before that is stored', async () => {
  const database = deferred();
  const slow = { ...store, flushed: () => database.promise };
  const job = newJob(['web0'], slow);
  online.add('web0');
  await job.start(60_000);
  job.receiveMessage('web0', nackOf('web0'), false);
  await nextEventLoopTurn();
  expect([job.statusOf('web0'), job.statusNow]).toEqual(['nacked', 'quorum_failed']);
  expect(job.isOver).toBe(false);
  database.resolve();
  await untilOver(job);
  expect(job.status).toBe('quorum_failed');
});

it('does not send a node to rehab that is online and cannot take the job: it may run another one', async () => {
  const rehab = vi.spyOn(nodeDirectory, 'rehab');
  vi.spyOn(nodeDirectory, 'isOnline').mockReturnValueOnce(true);
  const job = newJob(['web0']);
  await job.start(60_000);
  await untilOver(job);
  await nextEventLoopTurn();
  expect(linesOf(job)).toEqual(['start', 'quorum_vote web0 down', 'job_complete quorum_failed']);
  expect(rehab).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

it('sends no rehab for a silent node, although its feed shows the event', async () => {
  const rehab = vi.spyOn(nodeDirectory, 'rehab');
  const job = newJob(['web0']);
  await job.start(60_000);
  await untilOver(job);
  await nextEventLoopTurn();
  expect(linesOf(job)).toContain('rehab web0');
  expect(rehab).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

it('counts a kept result once, without the acknowledgement that got lost, and confirms each repetition', async () => {
  online.add('web0');
  const job = newJob(['web0']);
  await job.start(60_000);
  job.receiveMessage('web0', { ...nackOf('web0'), type: 'ack_commit' }, false);
  await nextEventLoopTurn();
  const result: JobMessage = { ...nackOf('web0'), type: 'succeeded', ack_wanted: true };
  for (let count = 0; count < 3; count++) job.receiveMessage('web0', result, false);
  await untilOver(job);
  job.receiveMessage('web0', result, false);
  await nextEventLoopTurn();
  expect(linesOf(job)).toEqual([
    'start',
    'quorum_vote web0 success',
    'quorum_succeeded',
    'run_start web0',
    'run_complete web0 success',
    'job_complete complete',
  ]);
  expect(confirmed).toEqual(Array.from({ length: 4 }, () => `web0 ${'a'.repeat(32)}`));
});

it('takes no action against a node whose kept result comes too late', async () => {
  const job = newJob(['web0']);
  await job.start(60_000);
  await untilOver(job);
  job.receiveMessage('web0', { ...nackOf('web0'), type: 'failed', ack_wanted: true }, false);
  await nextEventLoopTurn();
  expect(job.statusOf('web0')).toBe('unavailable');
  expect(linesOf(job)).toEqual([
    'start',
    'quorum_vote web0 down',
    'rehab web0',
    'job_complete quorum_failed',
  ]);
  expect(confirmed).toHaveLength(1);
});

describe('a job on very many nodes that are all offline', () => {
  it('lets other work run meanwhile, and reports the nodes in their order', async () => {
    const job = newJob();
    await job.start(60_000);
    expect(job.statusOf(names.at(-1)!)).toBe('new');
    expect(await untilOver(job)).toBeGreaterThan(3);
    expect(job.status).toBe('quorum_failed');
    expect(committed).toEqual([]);
    const nodeLines = names.flatMap((name) => [`quorum_vote ${name} down`, `rehab ${name}`]);
    const expected = ['start', ...nodeLines, 'job_complete quorum_failed'];
    expect(linesOf(job).join('\n') === expected.join('\n')).toBe(true); // `toBe` of the texts would print a huge difference
  });

  it('handles a message after the inputs that came before it', async () => {
    const job = newJob();
    const last = names.at(-1)!;
    await job.start(60_000);
    job.receiveMessage(last, nackOf(last), false);
    expect(job.statusOf(last)).toBe('new');
    await untilOver(job);
    expect(linesOf(job).filter((line) => line.includes(last))).toEqual([
      `quorum_vote ${last} down`,
      `rehab ${last}`,
    ]);
  });

  it('reports each node once, also one that goes offline during the start', async () => {
    online.add(names[0]!);
    const job = newJob();
    const started = job.start(60_000);
    online.clear();
    for (const name of [names[0]!, names.at(-1)!]) job.nodeOffline(name, silence);
    await started;
    await untilOver(job);
    expect(committed).toEqual([names[0]]);
    const lines = linesOf(job);
    expect(lines.filter((line) => line.startsWith('quorum_vote'))).toHaveLength(MANY);
    expect(lines.slice(-3)).toEqual([
      `quorum_vote ${names[0]} down`,
      `rehab ${names[0]}`,
      'job_complete quorum_failed',
    ]);
  });
});
