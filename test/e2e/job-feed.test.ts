import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FeedReader, readWholeFeed } from '../support/feed-reader.js';
import { endRun, startRun, voteYes } from '../support/node-steps.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { ORG } from '../support/server-surroundings.js';
import { useServer } from '../support/use-server.js';

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

/** A job stays in memory for `wait_complete_time` seconds after its end: tests read its feed before and after that. */
const server = useServer({ wait_complete_time: 4, keep_alive_time: 0.2, rehab_timer: 1_000 });
let web1: SimulatedNode;
beforeAll(async () => (web1 = await server.availableNode('node1')));
beforeEach(() => server.nodeBecomes('node1', 'available'));

/** Replaces what differs from job to job: times, ids, and names of nodes. */
const normalize = (text: string): string =>
  text
    .replace(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{6}Z/g, 'TIMESTAMP')
    .replace(/\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT/g, 'DATE')
    .replace(/[0-9a-f]{32}/g, 'JOB')
    .replace(/node\d/g, 'NODE')
    .replaceAll(':keepalive\n', '')
    .trimEnd();

/** Those of our headers that the original server sends, too. */
const headersOf = ({ headers }: FeedReader): string[] =>
  ['X-Accel-Buffering', 'Transfer-Encoding', 'Content-Type']
    .filter((name) => headers[name.toLowerCase()] !== undefined)
    .map((name) => `${name}: ${String(headers[name.toLowerCase()])}`);

/** Runs the job of the recordings. */
const runRecordedJob = async (node2: SimulatedNode): Promise<{ id: string; live: FeedReader }> => {
  const id = await server.startJob({
    command: 'true',
    nodes: ['node3', 'node1'],
    user: 'u',
    dir: '/',
    env: { A: '1' },
    file: 'raw:x',
    capture_output: true,
  });
  const live = await FeedReader.open(server, id);
  await Promise.all([voteYes(web1, id), voteYes(node2, id)]);
  await Promise.all([startRun(web1, id), startRun(node2, id)]);
  await live.waitForLine('run_start node1');
  await live.waitForLine('run_start node3');
  await Promise.all([endRun(web1, id), endRun(node2, id)]);
  return { id, live };
};

describe("a job's feed", () => {
  it('equals the original server while the job runs, after its end, and after it has left memory', async () => {
    const node3 = await server.availableNode('node3');
    const { id, live } = await runRecordedJob(node3);
    node3.close();
    await live.waitForEnd();
    expect(live.status).toBe(200);
    expect(normalize(live.text)).toBe(normalize(recorded('job feed read while the job ran').body));
    expect(headersOf(live)).toEqual(recorded('job feed read while the job ran').headers);

    const after = await FeedReader.open(server, id);
    await after.waitForEnd();
    expect(after.text).toBe(live.text.replaceAll(':keepalive\n', ''));
    expect(headersOf(after)).toEqual(recorded('job feed just after the end').headers);

    const late = await eventually(async () => {
      const feed = await FeedReader.open(server, id);
      await feed.waitForEnd();
      return feed.text.startsWith('event: summary') ? feed : undefined;
    });
    expect(late.text.endsWith('}\n\n')).toBe(true);
    const summary = normalize(late.text);
    expect(summary).toContain(
      'event: summary\nid: job-1\ndata: {"timestamp":"TIMESTAMP","nodes":{"succeeded":[',
    );
    const { timestamp: _timestamp, ...job } = late.events[0]!.data;
    expect(job).toEqual(await server.job(id));
    expect(headersOf(late)).toEqual(['X-Accel-Buffering: no', 'Content-Type: text/event-stream']);
    expect(late.headers['content-length']).toBe(String(Buffer.byteLength(late.text)));
  });

  it('has a summary like the original server after the job has left memory', async () => {
    const id = await server.startJob({ command: 'true', nodes: ['node1', 'node3'], quorum: 0 });
    await voteYes(web1, id);
    await startRun(web1, id);
    await endRun(web1, id);
    await server.jobBecomes(id, 'complete');
    const late = await eventually(async () => {
      const feed = await FeedReader.open(server, id);
      await feed.waitForEnd();
      return feed.text.startsWith('event: summary') ? feed : undefined;
    });
    const original = normalize(recorded('job feed after the job left memory').body);
    expect(normalize(late.text)).toBe(
      original.replace('{"succeeded":["NODE","NODE"]}', '{"succeeded":["NODE"],"unavailable":["NODE"]}'),
    );
  });

  it('has consecutive event ids from 1 and strictly increasing timestamps', async () => {
    const id = await server.startJob({ nodes: Array.from({ length: 200 }, (_, index) => `ghost${index}`) });
    const feed = await FeedReader.open(server, id);
    await feed.waitForEnd();
    expect(feed.events.map((event) => event.id)).toEqual(
      Array.from({ length: 2 * 200 + 2 }, (_, index) => `job-${index + 1}`),
    );
    const times = feed.events.map(({ data }) => data.timestamp);
    expect(times).toEqual([...new Set(times)].sort());
  });

  it('has no gap for concurrent readers, nor for readers that resume after any event', async () => {
    const id = await server.startJob({ nodes: ['node1'] });
    const readers = await Promise.all([1, 2, 3].map(() => FeedReader.open(server, id)));
    await voteYes(web1, id);
    await startRun(web1, id);
    const resumed = await FeedReader.open(server, id, 'job-2');
    await endRun(web1, id);
    const all = await readers[0]!.waitForEnd();
    for (const reader of readers) expect(await reader.waitForEnd()).toEqual(all);
    expect(await resumed.waitForEnd()).toEqual(all.slice(2));
    const positions = all.map((_, index) => index + 1);
    const late = await Promise.all(positions.map((last) => FeedReader.open(server, id, `job-${last}`)));
    for (const last of positions) expect(await late[last - 1]!.waitForEnd()).toEqual(all.slice(last));
  });

  it('starts at the first event for an unknown Last-Event-ID', async () => {
    const id = await server.startJob({ nodes: ['ghost'] });
    const all = await readWholeFeed(server, id);
    for (const foreign of ['job-99', 'org-1', 'x'.repeat(5_000)]) {
      expect(await (await FeedReader.open(server, id, foreign)).waitForEnd()).toEqual(all);
    }
  });

  it('contains keepalive comments while nothing happens', async () => {
    const id = await server.startJob({ nodes: ['node1'] });
    const feed = await FeedReader.open(server, id);
    await eventually(() => feed.text.includes('\n\n:keepalive\n:keepalive\n'));
    await web1.expectCommand('commit');
    await web1.sendJobMessage('nack_commit', id);
    expect(await feed.waitForEnd()).toContain('quorum_vote node1 failure');
  });

  it('continues for other readers after one has left', async () => {
    const id = await server.startJob({ nodes: ['node1'] });
    const [leaves, stays] = [await FeedReader.open(server, id), await FeedReader.open(server, id)];
    await eventually(() => leaves.events.length === 1);
    leaves.close();
    await voteYes(web1, id);
    await startRun(web1, id);
    await endRun(web1, id);
    expect((await stays.waitForEnd()).at(-1)).toBe('job_complete complete');
    expect(leaves.lines).toEqual(['start']);
  });

  it('contains exactly the fields of the job request in its start event', async () => {
    const id = await server.startJob({ nodes: ['ghost'], command: 'echo "é ☃"', quorum: 1, run_timeout: 30 });
    const feed = await FeedReader.open(server, id);
    await feed.waitForEnd();
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
    ['an unknown job', 'f'.repeat(32), 'text/event-stream', 404],
    ['an id in capitals', 'F'.repeat(32), 'text/event-stream', 404],
    ['an invalid id', 'x', 'text/event-stream', 404],
    ['Accept: application/json', 'f'.repeat(32), 'application/json', 406],
  ])('is rejected for %s', async (_what, id, accept, status) => {
    expect((await server.get(`job_status_feed/${id}`, { Accept: accept })).status).toBe(status);
  });

  it('is not found for users of another organization', async () => {
    server.chef.createOrganization('other');
    const id = await server.startJob({ nodes: ['node1'] });
    const bob = await server.chef.createUser('bob', { orgs: ['other'], admin: true });
    for (const [user, org, status] of [
      ['bob', ORG, 403],
      ['bob', 'other', 404],
    ] as const) {
      const response = await server.as(user, createPrivateKey(bob)).send({
        method: 'GET',
        url: server.url(`/organizations/${org}/pushy/job_status_feed/${id}`),
        headers: { Accept: 'text/event-stream' },
      });
      expect(response).toMatchObject({ ok: true, value: { status } });
    }
    await web1.expectCommand('commit');
    await web1.sendJobMessage('nack_commit', id);
    await server.jobBecomes(id, 'quorum_failed');
  });
});

describe('a reader that does not read', () => {
  it('is disconnected, while the job and its other readers continue', async () => {
    // More events than the kernel buffers for a reader.
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
    const reader = await FeedReader.open(server, id, 'job-60000');
    await eventually(() => reader.text.split(':keepalive').length > 5);
    await endRun(web1, id);
    expect((await reader.waitForEnd()).at(-1)).toBe('job_complete complete');

    let text = '';
    await expect(async () => {
      for await (const chunk of stuck.value.body) text += String(chunk);
    }).rejects.toThrow();
    expect(text).toContain('id: job-2');
    expect(text).not.toContain('job_complete');
  });
});
