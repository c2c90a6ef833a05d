import { describe, expect, test } from 'vitest';
import { JobFeed } from '../../../../../src/server/jobs/live/job-feed.js';
import type { Cursor } from '../../../../../src/shared/lib/durable-log.js';
import type { FeedEvent, JobEvent } from '../../../../../src/shared/protocol/feed-event.js';
import { nextEventLoopTurn } from '../../../../support/controllable-store.js';

const JOB = { orgId: 'o', id: 'j' };
const NOW = Date.UTC(2026, 10, 22, 8, 0, 1, 123);
const voteBy = (node: string): JobEvent => ({ name: 'quorum_vote', data: { node, status: 'success' } });
const END: JobEvent = { name: 'job_complete', data: { status: 'complete' } };

/** A fake store that keeps the rows; everything is durable at once. */
const memoryStore = () => {
  const rows: { first: number; events: readonly FeedEvent[] }[] = [];
  return {
    rows,
    saveEvents: (_org: string, _job: string, first: number, events: readonly FeedEvent[]) =>
      void rows.push({ first, events }),
    flushed: () => Promise.resolve(),
  };
};

const failOnError = (thrown: unknown): never => {
  throw thrown as Error;
};

const idsOf = (cursor: Cursor<FeedEvent>): string[] => {
  const ids: string[] = [];
  for (let event = cursor.next(); event !== undefined; event = cursor.next()) ids.push(event.id);
  return ids;
};

describe("a job's feed", () => {
  test('numbers events from 1 with increasing timestamps, also within one millisecond', async () => {
    const store = memoryStore();
    const feed = new JobFeed(JOB, store, failOnError);
    expect(feed.isEmpty).toBe(true);
    const at = [
      feed.append(voteBy('a'), NOW),
      feed.append(voteBy('b'), NOW),
      feed.append(voteBy('c'), NOW - 5),
    ];
    await nextEventLoopTurn();
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

  test('is read after a known id, and from the beginning after an unknown one', async () => {
    const feed = new JobFeed(JOB, memoryStore(), failOnError);
    for (const node of ['a', 'b', 'c']) feed.append(voteBy(node), NOW);
    await nextEventLoopTurn();
    expect(idsOf(feed.readAfter('job-2'))).toEqual(['job-3']);
    expect(idsOf(feed.readAfter('job-3'))).toEqual([]);
    for (const other of [undefined, '', 'job-4', 'job-0', 'org-1', 'x'.repeat(10_000)])
      expect(idsOf(feed.readAfter(other))).toEqual(['job-1', 'job-2', 'job-3']);
  });

  test('ends for its readers after job_complete', async () => {
    const feed = new JobFeed(JOB, memoryStore(), failOnError);
    const cursor = feed.readAfter(undefined);
    expect(feed.isComplete).toBe(false);
    feed.append(END, NOW);
    expect(feed.isComplete).toBe(true);
    feed.close();
    await nextEventLoopTurn();
    expect([idsOf(cursor), cursor.ended, feed.readAfter('job-1').ended]).toEqual([['job-1'], true, true]);
  });

  test('continues after a restart with the next number and a later timestamp, even if the clock went back', async () => {
    const store = memoryStore();
    const before = new JobFeed(JOB, store, failOnError);
    before.append(voteBy('a'), NOW);
    before.append(voteBy('b'), NOW);
    await nextEventLoopTurn();
    const earlier = store.rows.flatMap(({ events }) => events);
    const feed = new JobFeed(JOB, store, failOnError, earlier);
    expect([feed.isEmpty, feed.isComplete]).toEqual([false, false]);
    expect(feed.append(END, NOW - 600_000)).toBe(NOW * 1000 + 2);
    await nextEventLoopTurn();
    expect(idsOf(feed.readAfter('job-2'))).toEqual(['job-3']);
    expect(store.rows.map(({ first }) => first)).toEqual([1, 3]);
    expect(
      new JobFeed(
        JOB,
        store,
        failOnError,
        store.rows.flatMap(({ events }) => events),
      ).isComplete,
    ).toBe(true);
  });

  test('stores the events of one event loop turn in rows of bounded size', async () => {
    const store = memoryStore();
    const feed = new JobFeed(JOB, store, failOnError);
    for (let count = 0; count < 2_500; count++) feed.append(voteBy('a'), NOW);
    await nextEventLoopTurn();
    expect(store.rows.map(({ first, events }) => [first, events.length, events[0]?.id])).toEqual([
      [1, 1000, 'job-1'],
      [1001, 1000, 'job-1001'],
      [2001, 500, 'job-2001'],
    ]);
  });
});
