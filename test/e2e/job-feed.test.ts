import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FeedReading, wholeFeed } from '../support/feed-reading.js';
import { endRun, startRun, voteYes } from '../support/play-job.js';
import { ORG, ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';

interface RecordedFeed {
  readonly what: string;
  readonly status: string;
  readonly headers: readonly string[];
  readonly body: string;
}

const { feeds } = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/feeds.json'), 'utf8')) as {
  feeds: RecordedFeed[];
};
const recorded = (what: string): RecordedFeed => feeds.find((feed) => feed.what === what)!;

/** How long a job stays in memory after its end, in seconds. */
const WAIT_COMPLETE = 1;

let server: ServerUnderTest;
let web1: SimulatedNode;
beforeAll(async () => {
  server = await ServerUnderTest.start({
    wait_complete_time: WAIT_COMPLETE,
    keep_alive_time: 0.2,
    rehab_timer: 1_000,
  });
  web1 = await server.availableNode('node1');
});
afterAll(() => server.close());
beforeEach(() => server.nodeBecomes('node1', 'available'));

/** Everything that differs from job to job made the same: times, ids, and the names of nodes. */
const formOf = (text: string): string =>
  text
    .replace(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{6}Z/g, 'TIMESTAMP')
    .replace(/\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT/g, 'DATE')
    .replace(/[0-9a-f]{32}/g, 'JOB')
    .replace(/node\d/g, 'NODE')
    .replaceAll(':keepalive\n', '')
    .trimEnd();

/** The headers that the original server sends, of those that ours did. */
const headersOf = ({ headers }: FeedReading): string[] =>
  ['X-Accel-Buffering', 'Transfer-Encoding', 'Content-Type']
    .filter((name) => headers[name.toLowerCase()] !== undefined)
    .map((name) => `${name}: ${String(headers[name.toLowerCase()])}`);

/** Plays the job of the recordings. */
const playRecordedJob = async (node2: SimulatedNode): Promise<{ id: string; live: FeedReading }> => {
  const id = await server.startJob({
    command: 'true',
    nodes: ['node3', 'node1'],
    user: 'u',
    dir: '/',
    env: { A: '1' },
    file: 'raw:x',
    capture_output: true,
  });
  const live = await FeedReading.open(server, id);
  await Promise.all([voteYes(web1, id), voteYes(node2, id)]);
  await Promise.all([startRun(web1, id), startRun(node2, id)]);
  await live.until('run_start node1');
  await live.until('run_start node3');
  await Promise.all([endRun(web1, id), endRun(node2, id)]);
  return { id, live };
};

describe("a job's feed", () => {
  it('has the form of the original server: while the job runs, just after, and after it left memory', async () => {
    const node3 = await server.availableNode('node3');
    const { id, live } = await playRecordedJob(node3);
    node3.close();
    await live.end();
    expect(live.status).toBe(200);
    expect(formOf(live.text)).toBe(formOf(recorded('job feed read while the job ran').body));
    expect(headersOf(live)).toEqual(recorded('job feed read while the job ran').headers);

    const after = await FeedReading.open(server, id);
    await after.end();
    expect(after.text).toBe(live.text.replaceAll(':keepalive\n', ''));
    expect(headersOf(after)).toEqual(recorded('job feed just after the end').headers);

    const late = await eventually(async () => {
      const feed = await FeedReading.open(server, id);
      await feed.end();
      return feed.text.startsWith('event: summary') ? feed : undefined;
    });
    expect(late.text.endsWith('}\n\n')).toBe(true);
    const summary = formOf(late.text);
    expect(summary).toContain(
      'event: summary\nid: job-1\ndata: {"timestamp":"TIMESTAMP","nodes":{"succeeded":[',
    );
    const { timestamp: _timestamp, ...job } = late.events[0]!.data;
    expect(job).toEqual(await server.job(id));
    expect(headersOf(late)).toEqual(['X-Accel-Buffering: no', 'Content-Type: text/event-stream']);
    expect(late.headers['content-length']).toBe(String(Buffer.byteLength(late.text)));
  });

  it('has a summary of the form of the original server', async () => {
    const id = await server.startJob({ command: 'true', nodes: ['node1', 'node3'], quorum: 0 });
    await voteYes(web1, id);
    await startRun(web1, id);
    await endRun(web1, id);
    await server.jobBecomes(id, 'complete');
    const late = await eventually(async () => {
      const feed = await FeedReading.open(server, id);
      await feed.end();
      return feed.text.startsWith('event: summary') ? feed : undefined;
    });
    const original = formOf(recorded('job feed after the job left memory').body);
    expect(formOf(late.text)).toBe(
      original.replace('{"succeeded":["NODE","NODE"]}', '{"succeeded":["NODE"],"unavailable":["NODE"]}'),
    );
  });

  it('numbers events from 1 without a gap, and dates each later than the one before', async () => {
    const id = await server.startJob({ nodes: Array.from({ length: 200 }, (_, index) => `ghost${index}`) });
    const feed = await FeedReading.open(server, id);
    await feed.end();
    expect(feed.events.map((event) => event.id)).toEqual(
      Array.from({ length: 2 * 200 + 2 }, (_, index) => `job-${index + 1}`),
    );
    const times = feed.events.map(({ data }) => data.timestamp);
    expect(times).toEqual([...new Set(times)].sort());
  });

  it('is read by several at once, and resumed after each event, without a gap', async () => {
    const id = await server.startJob({ nodes: ['node1'] });
    const readers = await Promise.all([1, 2, 3].map(() => FeedReading.open(server, id)));
    await voteYes(web1, id);
    await startRun(web1, id);
    const resumed = await FeedReading.open(server, id, 'job-2');
    await endRun(web1, id);
    const all = await readers[0]!.end();
    for (const reader of readers) expect(await reader.end()).toEqual(all);
    expect(await resumed.end()).toEqual(all.slice(2));
    for (let last = 1; last <= all.length; last++) {
      const feed = await FeedReading.open(server, id, `job-${last}`);
      expect(await feed.end()).toEqual(all.slice(last));
    }
  });

  it('begins at the beginning for a Last-Event-ID that it does not know', async () => {
    const id = await server.startJob({ nodes: ['ghost'] });
    const all = await wholeFeed(server, id);
    for (const foreign of ['job-99', 'org-1', 'x'.repeat(5_000)]) {
      expect(await (await FeedReading.open(server, id, foreign)).end()).toEqual(all);
    }
  });

  it('is kept alive by comments while nothing happens', async () => {
    const id = await server.startJob({ nodes: ['node1'] });
    const feed = await FeedReading.open(server, id);
    await eventually(() => feed.text.includes('\n\n:keepalive\n:keepalive\n'));
    await web1.expectCommand('commit');
    await web1.sendJobMessage('nack_commit', id);
    expect(await feed.end()).toContain('quorum_vote node1 failure');
  });

  it('is not disturbed by a reader that leaves', async () => {
    const id = await server.startJob({ nodes: ['node1'] });
    const [leaves, stays] = [await FeedReading.open(server, id), await FeedReading.open(server, id)];
    await eventually(() => leaves.events.length === 1);
    leaves.close();
    await voteYes(web1, id);
    await startRun(web1, id);
    await endRun(web1, id);
    expect((await stays.end()).at(-1)).toBe('job_complete complete');
    expect(leaves.lines).toEqual(['start']);
  });

  it('tells what the job is asked for, in full and no more', async () => {
    const id = await server.startJob({ nodes: ['ghost'], command: 'echo "é ☃"', quorum: 1, run_timeout: 30 });
    const feed = await FeedReading.open(server, id);
    await feed.end();
    const { timestamp: _timestamp, ...data } = feed.events[0]!.data;
    expect(JSON.stringify(data)).toBe(
      JSON.stringify({
        command: 'echo "é ☃"',
        run_timeout: 30,
        quorum: 1,
        node_count: 1,
        user: 'alice',
        capture: false,
      }),
    );
  });

  it.each([
    ['of an unknown job', 'f'.repeat(32), 'text/event-stream', 404],
    ['of an id in capitals', 'F'.repeat(32), 'text/event-stream', 404],
    ['of something that is no id', 'x', 'text/event-stream', 404],
    ['asked for as JSON', 'f'.repeat(32), 'application/json', 406],
  ])('%s is refused', async (_what, id, accept, status) => {
    expect((await server.get(`job_status_feed/${id}`, { Accept: accept })).status).toBe(status);
  });

  it('of another organization is unknown', async () => {
    server.chef.createOrganization('other');
    const id = await server.startJob({ nodes: ['node1'] });
    const bob = await server.chef.createUser('bob', { orgs: ['other'], admin: true });
    for (const [user, org, status] of [
      ['bob', ORG, 403],
      ['bob', 'other', 404],
    ] as const) {
      const answer = await server.as(user, createPrivateKey(bob)).send({
        method: 'GET',
        url: server.url(`/organizations/${org}/pushy/job_status_feed/${id}`),
        headers: { Accept: 'text/event-stream' },
      });
      expect(answer).toMatchObject({ ok: true, value: { status } });
    }
    await web1.expectCommand('commit');
    await web1.sendJobMessage('nack_commit', id);
    await server.jobBecomes(id, 'quorum_failed');
  });
});

describe('a reader that does not read', () => {
  it('is cut off, and the job and its other readers go on', async () => {
    // More events than the buffers of the kernel hold for the reader.
    const ghosts = Array.from({ length: 30_000 }, (_, index) => `a-name-of-29-characters-${10_000 + index}`);
    const id = await server.startJob({ nodes: ['node1', ...ghosts], quorum: 1 });
    const stuck = await server.as().open({
      method: 'GET',
      url: server.url(`/organizations/${ORG}/pushy/job_status_feed/${id}`),
      headers: { Accept: 'text/event-stream' },
    });
    if (!stuck.ok) throw new Error(stuck.error.reason);
    await voteYes(web1, id);
    await startRun(web1, id);
    const reader = await FeedReading.open(server, id, 'job-60000');
    await eventually(() => reader.text.split(':keepalive').length > 5);
    await endRun(web1, id);
    expect((await reader.end()).at(-1)).toBe('job_complete complete');

    let text = '';
    await expect(async () => {
      for await (const chunk of stuck.value.body) text += String(chunk);
    }).rejects.toThrow();
    expect(text).toContain('id: job-2');
    expect(text).not.toContain('job_complete');
  });
});
