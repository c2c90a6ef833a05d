import { describe, expect, test } from 'vitest';
import { JobFeed } from '../../../../../src/server/jobs/live/job-feed.js';
import type { Cursor } from '../../../../../src/shared/lib/durable-log.js';
import type { FeedEvent, JobEvent } from '../../../../../src/shared/protocol/feed-event.js';
import { turn } from '../../../../support/held-store.js';

const NOW = Date.UTC(2026, 10, 22, 8, 0, 1, 123);
const voteOf = (node: string): JobEvent => ({ name: 'quorum_vote', data: { node, status: 'success' } });
const END: JobEvent = { name: 'job_complete', data: { status: 'complete' } };

/** A double of the store: all is durable at once; keeps the rows. */
const memoryStore = () => {
  const rows: { first: number; events: readonly FeedEvent[] }[] = [];
  return {
    rows,
    events: (_job: string, first: number, events: readonly FeedEvent[]) => void rows.push({ first, events }),
    flushed: () => Promise.resolve(),
  };
};

const noFault = (thrown: unknown): never => {
  throw thrown as Error;
};

const idsOf = (cursor: Cursor<FeedEvent>): string[] => {
  const ids: string[] = [];
  for (let event = cursor.next(); event !== undefined; event = cursor.next()) ids.push(event.id);
  return ids;
};

describe("a job's feed", () => {
  test('numbers events from 1 and dates them later and later, also within one millisecond', async () => {
    const store = memoryStore();
    const feed = new JobFeed('j', store, noFault);
    expect(feed.isEmpty).toBe(true);
    const at = [
      feed.append(voteOf('a'), NOW),
      feed.append(voteOf('b'), NOW),
      feed.append(voteOf('c'), NOW - 5),
    ];
    await turn();
    expect(at).toEqual([NOW * 1000, NOW * 1000 + 1, NOW * 1000 + 2]);
    const cursor = feed.readAfter(undefined);
    expect(cursor.next()).toEqual({
      id: 'job-1',
      name: 'quorum_vote',
      data: '{"timestamp":"2026-11-22 08:00:01.123000Z","node":"a","status":"success"}',
    });
    expect(idsOf(cursor)).toEqual(['job-2', 'job-3']);
    expect([feed.isEmpty, store.rows.map(({ first }) => first)]).toEqual([false, [1]]);
  });

  test('is read after a known id, and from the beginning after any other', async () => {
    const feed = new JobFeed('j', memoryStore(), noFault);
    for (const node of ['a', 'b', 'c']) feed.append(voteOf(node), NOW);
    await turn();
    expect(idsOf(feed.readAfter('job-2'))).toEqual(['job-3']);
    expect(idsOf(feed.readAfter('job-3'))).toEqual([]);
    for (const other of [undefined, '', 'job-4', 'job-0', 'org-1', 'x'.repeat(10_000)])
      expect(idsOf(feed.readAfter(other))).toEqual(['job-1', 'job-2', 'job-3']);
  });

  test('ends for its readers after job_complete', async () => {
    const feed = new JobFeed('j', memoryStore(), noFault);
    const cursor = feed.readAfter(undefined);
    expect(feed.isComplete).toBe(false);
    feed.append(END, NOW);
    expect(feed.isComplete).toBe(true);
    feed.close();
    await turn();
    expect([idsOf(cursor), cursor.ended, feed.readAfter('job-1').ended]).toEqual([['job-1'], true, true]);
  });

  test('goes on after a restart with the next number and a later date, though the clock went back', async () => {
    const store = memoryStore();
    const before = new JobFeed('j', store, noFault);
    before.append(voteOf('a'), NOW);
    before.append(voteOf('b'), NOW);
    await turn();
    const earlier = store.rows.flatMap(({ events }) => events);
    const feed = new JobFeed('j', store, noFault, earlier);
    expect([feed.isEmpty, feed.isComplete]).toEqual([false, false]);
    expect(feed.append(END, NOW - 600_000)).toBe(NOW * 1000 + 2);
    await turn();
    expect(idsOf(feed.readAfter('job-2'))).toEqual(['job-3']);
    expect(store.rows.map(({ first }) => first)).toEqual([1, 3]);
    expect(
      new JobFeed(
        'j',
        store,
        noFault,
        store.rows.flatMap(({ events }) => events),
      ).isComplete,
    ).toBe(true);
  });

  test('stores the events of one turn in rows of bounded size', async () => {
    const store = memoryStore();
    const feed = new JobFeed('j', store, noFault);
    for (let count = 0; count < 2_500; count++) feed.append(voteOf('a'), NOW);
    await turn();
    expect(store.rows.map(({ first, events }) => [first, events.length, events[0]?.id])).toEqual([
      [1, 1000, 'job-1'],
      [1001, 1000, 'job-1001'],
      [2001, 500, 'job-2001'],
    ]);
  });
});
