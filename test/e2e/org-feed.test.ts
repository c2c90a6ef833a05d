import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FeedReader } from '../support/feed-reader.js';
import { useServer } from '../support/use-server.js';

/** Seconds that events are kept. */
const EXPIRATION = 3;

const server = useServer({ org_feed_expiration: EXPIRATION, keep_alive_time: 0.2 });

/** Runs a job that ends at once. */
const runShortJob = async (): Promise<string> => {
  const id = await server.startJob({ command: 'x', nodes: ['ghost'], quorum: 0 });
  await server.jobBecomes(id, 'complete');
  return id;
};

/** Waits until the feed contains the end of this job. */
const waitForEndOf = async (feed: FeedReader, job: string): Promise<void> => {
  await eventually(() => feed.events.some(({ name, data }) => name === 'job_complete' && data.job === job));
};

const summarize = (feed: FeedReader): [id: string, name: string, job: unknown][] =>
  feed.events.map(({ id, name, data }) => [id, name, data.job]);

describe("an organization's feed", () => {
  it('without Last-Event-ID contains only new events, in the form of the original server', async () => {
    await runShortJob();
    const feed = await FeedReader.open(server);
    const job = await runShortJob();
    await waitForEndOf(feed, job);
    expect(feed.events.every(({ data }) => data.job === job)).toBe(true);
    await eventually(() => feed.text.includes('complete"}\n\n:keepalive\n'));
    const { feeds } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../fixtures/feeds.json'), 'utf8'),
    ) as { feeds: { what: string; body: string; headers: string[] }[] };
    const original = feeds.find(({ what }) => what === 'organization feed, live')!;
    const normalize = (text: string): string =>
      text
        .replace(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{6}Z/g, 'TIMESTAMP')
        .replace(/[0-9a-f]{32}/g, 'JOB')
        .replace(/org-\d+/g, 'ID')
        .replace(/"command":"\w+"/g, 'COMMAND')
        .replace(/"quorum":\d/g, 'QUORUM');
    // The first two events of the recording belong to one job; our job has another quorum.
    const twoEvents = original.body.split('\n\n').slice(0, 2).join('\n\n');
    // There may be keepalives before the first event, and more than one after the last.
    const ownText = normalize(feed.text).replace(/(?::keepalive\n)+/g, (quiet, at) =>
      at === 0 ? '' : ':keepalive\n',
    );
    expect(ownText).toBe(`${normalize(twoEvents)}\n\n:keepalive\n`);
    expect(original.headers.sort()).toEqual([
      `Content-Type: ${String(feed.headers['content-type'])}`,
      `Transfer-Encoding: ${String(feed.headers['transfer-encoding'])}`,
      `X-Accel-Buffering: ${String(feed.headers['x-accel-buffering'])}`,
    ]);
    feed.close();
  });

  it('continues after any known Last-Event-ID', async () => {
    const live = await FeedReader.open(server);
    const jobs = [await runShortJob(), await runShortJob()];
    await waitForEndOf(live, jobs[1]!);
    const all = summarize(live);
    expect(all.map(([, name, job]) => [name, job])).toEqual(
      jobs.flatMap((job) => [
        ['start', job],
        ['job_complete', job],
      ]),
    );
    for (const [index, [id]] of all.slice(0, -1).entries()) {
      const resumed = await FeedReader.open(server, undefined, id);
      await waitForEndOf(resumed, jobs[1]!);
      expect(summarize(resumed)).toEqual(all.slice(index + 1));
      resumed.close();
    }
    live.close();
  });

  it('starts with start_of_history and all kept events for an unknown Last-Event-ID', async () => {
    const job = await runShortJob();
    const openedAt = Date.now();
    const feed = await FeedReader.open(server, undefined, 'no-such-id');
    await waitForEndOf(feed, job);
    const [first, ...rest] = feed.events;
    expect(first).toMatchObject({ id: 'start_id', name: 'start_of_history' });
    expect(Object.keys(first!.data)).toEqual(['timestamp']);
    const startOfHistory = Date.parse(first!.data.timestamp.replace(' ', 'T'));
    expect(startOfHistory).toBeGreaterThanOrEqual(openedAt - EXPIRATION * 1_000);
    expect(startOfHistory).toBeLessThanOrEqual(Date.now() - EXPIRATION * 1_000);
    const numbers = rest.map(({ id }) => Number(id.replace('org-', '')));
    expect(numbers).toEqual(numbers.map((_, index) => Number(numbers[0]) + index));
    feed.close();
  });

  it('omits events older than org_feed_expiration', async () => {
    const job = await runShortJob();
    await eventually(
      async () => {
        const feed = await FeedReader.open(server, undefined, 'no-such-id');
        await eventually(() => feed.events.length > 0);
        feed.close();
        return !feed.events.some(({ data }) => data.job === job);
      },
      { withinMs: 1_000 * EXPIRATION + 30_000, everyMs: 200 },
    );
  });

  it('stays open after the end of a job and is equal for all readers', async () => {
    const readers = await Promise.all([FeedReader.open(server), FeedReader.open(server)]);
    const jobs = [await runShortJob(), await runShortJob()];
    for (const reader of readers) {
      await waitForEndOf(reader, jobs[1]!);
      expect(reader.ended).toBe(false);
    }
    expect(readers[0].events).toEqual(readers[1].events);
    for (const reader of readers) reader.close();
  });

  it('is rejected with 406 for Accept: application/json', async () => {
    expect((await server.get('job_status_feed', { Accept: 'application/json' })).status).toBe(406);
  });
});
