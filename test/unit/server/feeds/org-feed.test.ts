import { describe, expect, test } from 'vitest';
import { type OrgEvent, OrgFeed, type OrgReading } from '../../../../src/server/feeds/org-feed.js';
import { turn } from '../../../support/held-store.js';

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
  await turn();
};

const idsOf = ({ first, cursor }: OrgReading): string[] => {
  const ids = first === undefined ? [] : [first.id];
  for (let event = cursor.next(); event !== undefined; event = cursor.next()) ids.push(event.id);
  return ids;
};

describe("an organization's feed", () => {
  test('has the job behind the timestamp', async () => {
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

  test('without Last-Event-ID gives only what comes from now on', async () => {
    const { feed } = feedOf();
    await endJobs(feed, 0);
    const reading = feed.read(undefined, NOW);
    expect(idsOf(reading)).toEqual([]);
    await endJobs(feed, 1);
    expect(idsOf(reading)).toEqual(['org-2']);
  });

  test('with a known Last-Event-ID gives what came after it', async () => {
    const { feed } = feedOf();
    await endJobs(feed, 0, 1, 2);
    expect(idsOf(feed.read('org-2', NOW + 2))).toEqual(['org-3']);
    expect(idsOf(feed.read('org-3', NOW + 2))).toEqual([]);
  });

  test('with an unknown one gives the begin of history and all that is remembered, oldest first', async () => {
    const { feed } = feedOf();
    await endJobs(feed, 0, 1);
    const reading = feed.read('org-99', NOW + 2);
    expect(reading.first).toEqual({
      id: 'start_id',
      name: 'start_of_history',
      data: '{"timestamp":"2026-11-22 07:59:00.002000Z"}',
    });
    expect(idsOf(reading)).toEqual(['start_id', 'org-1', 'org-2']);
  });

  test('dates the begin of history before all that is remembered, to the last moment of the oldest event', async () => {
    const { feed } = feedOf();
    await endJobs(feed, 0);
    const { first, cursor } = feed.read('org-99', NOW + EXPIRATION_MS);
    expect(first!.data).toBe('{"timestamp":"2026-11-22 07:59:59.999999Z"}');
    expect(cursor.next()!.data).toContain('"2026-11-22 08:00:00.000000Z"');
  });

  test('dates the begin of history in whole microseconds, whatever it is set to', () => {
    const { feed } = feedOf([], 1.001 * 1000 + 0.0003);
    expect(feed.read('', NOW).first!.data).toBe('{"timestamp":"2026-11-22 07:59:58.998999Z"}');
  });

  test('forgets what is older than it may be, for readers who come then', async () => {
    const { feed } = feedOf();
    await endJobs(feed, 0, 30_000);
    expect(idsOf(feed.read('', NOW + EXPIRATION_MS))).toEqual(['start_id', 'org-1', 'org-2']);
    expect(idsOf(feed.read('', NOW + EXPIRATION_MS + 1))).toEqual(['start_id', 'org-2']);
    expect(idsOf(feed.read('org-1', NOW + EXPIRATION_MS + 1))).toEqual(['start_id', 'org-2']);
    expect(idsOf(feed.read('org-1', NOW + 10 * EXPIRATION_MS))).toEqual(['start_id']);
  });

  test('cuts off a reader who has fallen behind what is remembered', async () => {
    const { feed } = feedOf();
    const reading = feed.read(undefined, NOW);
    await endJobs(feed, 0);
    await endJobs(feed, EXPIRATION_MS + 1);
    expect([reading.cursor.next(), reading.cursor.lost]).toEqual([undefined, true]);
  });

  test('goes on after a restart: numbers, dates, and what is remembered', async () => {
    const before = feedOf();
    await endJobs(before.feed, 0, 1);
    const { feed, stored } = feedOf(before.stored);
    await endJobs(feed, -600_000);
    expect(stored).toMatchObject([{ seq: 3, id: 'org-3' }]);
    expect(stored[0]!.data).toContain('"2026-11-22 08:00:00.001001Z"');
    expect(idsOf(feed.read('org-1', NOW + 2))).toEqual(['org-2', 'org-3']);
  });
});
