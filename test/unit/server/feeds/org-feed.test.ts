import { describe, expect, test } from 'vitest';
import { type OrgEvent, OrgFeed, type OrgFeedSubscription } from '../../../../src/server/feeds/org-feed.js';
import { nextEventLoopTurn } from '../../../support/controllable-store.js';

const NOW = Date.UTC(2026, 10, 22, 8, 0, 0);
const EXPIRATION_MS = 60_000;

const feedOf = (
  earlier: readonly OrgEvent[] = [],
  expirationMs = EXPIRATION_MS,
): { feed: OrgFeed; stored: OrgEvent[] } => {
  const stored: OrgEvent[] = [];
  const store = (batch: readonly OrgEvent[]): Promise<void> => {
    stored.push(...batch);
    return Promise.resolve();
  };
  const feed = new OrgFeed(
    store,
    (thrown) => {
      throw thrown as Error;
    },
    () => expirationMs,
    earlier,
  );
  return { feed, stored };
};

/** Ends jobs at these milliseconds after NOW. */
const endJobs = async (feed: OrgFeed, ...afterMs: number[]): Promise<void> => {
  for (const ms of afterMs)
    feed.append('J', { name: 'job_complete', data: { status: 'complete' } }, (NOW + ms) * 1000);
  await nextEventLoopTurn();
};

const idsOf = ({ first, cursor }: OrgFeedSubscription): string[] => {
  const ids = first === undefined ? [] : [first.id];
  for (let event = cursor.next(); event !== undefined; event = cursor.next()) ids.push(event.id);
  return ids;
};

describe("an organization's feed", () => {
  test('puts the job after the timestamp in the data of an event', async () => {
    const { feed, stored } = feedOf();
    await endJobs(feed, 0);
    expect(stored).toEqual([
      {
        seq: 1,
        at: NOW,
        id: 'org-1',
        name: 'job_complete',
        data: '{"timestamp":"2026-11-22 08:00:00.000000Z","job":"J","status":"complete"}',
      },
    ]);
  });

  test('returns only new events without Last-Event-ID', async () => {
    const { feed } = feedOf();
    await endJobs(feed, 0);
    const subscription = feed.subscribe(undefined, NOW);
    expect(idsOf(subscription)).toEqual([]);
    await endJobs(feed, 1);
    expect(idsOf(subscription)).toEqual(['org-2']);
  });

  test('returns the events after a known Last-Event-ID', async () => {
    const { feed } = feedOf();
    await endJobs(feed, 0, 1, 2);
    expect(idsOf(feed.subscribe('org-2', NOW + 2))).toEqual(['org-3']);
    expect(idsOf(feed.subscribe('org-3', NOW + 2))).toEqual([]);
  });

  test('returns start_of_history and all events in memory, oldest first, for an unknown Last-Event-ID', async () => {
    const { feed } = feedOf();
    await endJobs(feed, 0, 1);
    const subscription = feed.subscribe('org-99', NOW + 2);
    expect(subscription.first).toEqual({
      id: 'start_id',
      name: 'start_of_history',
      data: '{"timestamp":"2026-11-22 07:59:00.002000Z"}',
    });
    expect(idsOf(subscription)).toEqual(['start_id', 'org-1', 'org-2']);
  });

  test('gives start_of_history an earlier timestamp than the oldest event in memory', async () => {
    const { feed } = feedOf();
    await endJobs(feed, 0);
    const { first, cursor } = feed.subscribe('org-99', NOW + EXPIRATION_MS);
    expect(first!.data).toBe('{"timestamp":"2026-11-22 07:59:59.999999Z"}');
    expect(cursor.next()!.data).toContain('"2026-11-22 08:00:00.000000Z"');
  });

  test('gives start_of_history a timestamp in whole microseconds for any expiration time', () => {
    const { feed } = feedOf([], 1.001 * 1000 + 0.0003);
    expect(feed.subscribe('', NOW).first!.data).toBe('{"timestamp":"2026-11-22 07:59:58.998999Z"}');
  });

  test('evicts expired events when a reader subscribes', async () => {
    const { feed } = feedOf();
    await endJobs(feed, 0, 30_000);
    expect(idsOf(feed.subscribe('', NOW + EXPIRATION_MS))).toEqual(['start_id', 'org-1', 'org-2']);
    expect(idsOf(feed.subscribe('', NOW + EXPIRATION_MS + 1))).toEqual(['start_id', 'org-2']);
    expect(idsOf(feed.subscribe('org-1', NOW + EXPIRATION_MS + 1))).toEqual(['start_id', 'org-2']);
    expect(idsOf(feed.subscribe('org-1', NOW + 10 * EXPIRATION_MS))).toEqual(['start_id']);
  });

  test('marks the cursor of a reader that missed evicted events', async () => {
    const { feed } = feedOf();
    const subscription = feed.subscribe(undefined, NOW);
    await endJobs(feed, 0);
    await endJobs(feed, EXPIRATION_MS + 1);
    expect([subscription.cursor.next(), subscription.cursor.hasMissedEntries]).toEqual([undefined, true]);
  });

  test('continues numbers, timestamps and events after a restart', async () => {
    const before = feedOf();
    await endJobs(before.feed, 0, 1);
    const { feed, stored } = feedOf(before.stored);
    await endJobs(feed, -600_000);
    expect(stored).toMatchObject([{ seq: 3, id: 'org-3' }]);
    expect(stored[0]!.data).toContain('"2026-11-22 08:00:00.001001Z"');
    expect(idsOf(feed.subscribe('org-1', NOW + 2))).toEqual(['org-2', 'org-3']);
  });
});
