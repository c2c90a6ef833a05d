import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FeedReading } from '../support/feed-reading.js';
import { ServerUnderTest } from '../support/server-under-test.js';

/** Seconds that events are remembered. */
const EXPIRATION = 3;

let server: ServerUnderTest;
beforeAll(async () => {
  server = await ServerUnderTest.start({ org_feed_expiration: EXPIRATION, keep_alive_time: 0.2 });
});
afterAll(() => server.close());

/** A job that ends at once; its events are in the feed when it resolves. */
const shortJob = async (): Promise<string> => {
  const id = await server.startJob({ command: 'x', nodes: ['ghost'], quorum: 0 });
  await server.jobBecomes(id, 'complete');
  return id;
};

/** Reads until the end of this job has come. */
const readUntilEndOf = async (feed: FeedReading, job: string): Promise<void> => {
  await eventually(() => feed.events.some(({ name, data }) => name === 'job_complete' && data.job === job));
};

const shown = (feed: FeedReading): [id: string, name: string, job: unknown][] =>
  feed.events.map(({ id, name, data }) => [id, name, data.job]);

describe("an organization's feed", () => {
  it('without Last-Event-ID gives what comes from now on, in the form of the original server', async () => {
    await shortJob();
    const feed = await FeedReading.open(server);
    const job = await shortJob();
    await readUntilEndOf(feed, job);
    expect(feed.events.every(({ data }) => data.job === job)).toBe(true);
    await eventually(() => feed.text.includes('complete"}\n\n:keepalive\n'));
    const { feeds } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../fixtures/feeds.json'), 'utf8'),
    ) as { feeds: { what: string; body: string; headers: string[] }[] };
    const original = feeds.find(({ what }) => what === 'organization feed, live')!;
    const formOf = (text: string): string =>
      text
        .replace(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{6}Z/g, 'TIMESTAMP')
        .replace(/[0-9a-f]{32}/g, 'JOB')
        .replace(/org-\d+/g, 'ID')
        .replace(/"command":"\w+"/g, 'COMMAND')
        .replace(/"quorum":\d/g, 'QUORUM');
    // Ours is one job, and its quorum is 0; the recording's first two events are those of one job.
    const twoEvents = original.body.split('\n\n').slice(0, 2).join('\n\n');
    // It may have been quiet before, and for longer than one keepalive after.
    const shownText = formOf(feed.text).replace(/(?::keepalive\n)+/g, (quiet, at) =>
      at === 0 ? '' : ':keepalive\n',
    );
    expect(shownText).toBe(`${formOf(twoEvents)}\n\n:keepalive\n`);
    expect(original.headers.sort()).toEqual([
      `Content-Type: ${String(feed.headers['content-type'])}`,
      `Transfer-Encoding: ${String(feed.headers['transfer-encoding'])}`,
      `X-Accel-Buffering: ${String(feed.headers['x-accel-buffering'])}`,
    ]);
    feed.close();
  });

  it('goes on after a known Last-Event-ID, however often it is resumed', async () => {
    const live = await FeedReading.open(server);
    const jobs = [await shortJob(), await shortJob()];
    await readUntilEndOf(live, jobs[1]!);
    const all = shown(live);
    expect(all.map(([, name, job]) => [name, job])).toEqual(
      jobs.flatMap((job) => [
        ['start', job],
        ['job_complete', job],
      ]),
    );
    for (const [index, [id]] of all.slice(0, -1).entries()) {
      const resumed = await FeedReading.open(server, undefined, id);
      await readUntilEndOf(resumed, jobs[1]!);
      expect(shown(resumed)).toEqual(all.slice(index + 1));
      resumed.close();
    }
    live.close();
  });

  it('tells a reader with an unknown Last-Event-ID where its history begins, and all of it, oldest first', async () => {
    const job = await shortJob();
    const feed = await FeedReading.open(server, undefined, 'no-such-id');
    await readUntilEndOf(feed, job);
    const [first, ...rest] = feed.events;
    expect(first).toMatchObject({ id: 'start_id', name: 'start_of_history' });
    expect(Object.keys(first!.data)).toEqual(['timestamp']);
    const begin = Date.parse(first!.data.timestamp.replace(' ', 'T'));
    expect(Math.abs(Date.now() - EXPIRATION * 1_000 - begin)).toBeLessThan(2_000);
    const numbers = rest.map(({ id }) => Number(id.replace('org-', '')));
    expect(numbers).toEqual(numbers.map((_, index) => Number(numbers[0]) + index));
    feed.close();
  });

  it('forgets what is older than it may be', async () => {
    const job = await shortJob();
    await eventually(
      async () => {
        const feed = await FeedReading.open(server, undefined, 'no-such-id');
        await eventually(() => feed.events.length > 0);
        feed.close();
        return !feed.events.some(({ data }) => data.job === job);
      },
      { withinMs: 1_000 * EXPIRATION + 30_000, everyMs: 200 },
    );
  });

  it('does not end with a job, and several readers get the same', async () => {
    const readers = await Promise.all([FeedReading.open(server), FeedReading.open(server)]);
    const jobs = [await shortJob(), await shortJob()];
    for (const reader of readers) {
      await readUntilEndOf(reader, jobs[1]!);
      expect(reader.ended).toBe(false);
    }
    expect(readers[0].events).toEqual(readers[1].events);
    for (const reader of readers) reader.close();
  });

  it('is refused where something else is asked for', async () => {
    expect((await server.get('job_status_feed', { Accept: 'application/json' })).status).toBe(406);
  });
});
