import { createPrivateKey } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FeedReading } from '../support/feed-reading.js';
import { endRun, startRun, voteYes } from '../support/play-job.js';
import { ORG, ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';

/** The fastest pace, in milliseconds. */
const PACE = 250;

let server: ServerUnderTest;
/** One that can be asked for output, and one of a client in the field. */
let web1: SimulatedNode;
let old: SimulatedNode;
let readings: FeedReading[] = [];

beforeAll(async () => {
  server = await ServerUnderTest.start({
    heartbeat_interval: 500,
    rehab_timer: 2_000,
    wait_complete_time: 1,
  });
  web1 = await server.availableNode('web1');
  old = await server.availableNode('old');
});
afterAll(() => server.close());
beforeEach(async () => {
  await server.nodeBecomes('web1', 'available');
  await server.nodeBecomes('old', 'available');
});
afterEach(() => {
  for (const reading of readings) reading.close();
  readings = [];
});

const read = async (id: string, query = '?output=true', lastEventId?: string): Promise<FeedReading> => {
  const reading = await FeedReading.open(server, id, lastEventId, query);
  readings.push(reading);
  return reading;
};

/** A job of these nodes that runs; `web1` says that it can be asked for output. */
const runningJob = async (nodes = [web1], fields: object = { capture_output: true }): Promise<string> => {
  const names = nodes.map((node) => (node === web1 ? 'web1' : 'old'));
  const id = await server.startJob({ nodes: names, ...fields });
  for (const node of nodes) await voteYes(node, id);
  for (const node of nodes) {
    if (node === web1) await startCapable(id);
    else await startRun(node, id);
  }
  await eventually(async () => (await server.job(id)).nodes.running?.length === nodes.length);
  return id;
};

const startCapable = async (id: string): Promise<void> => {
  expect(await web1.expectCommand('run')).toMatchObject({ job_id: id });
  web1.doing = { state: 'running', jobId: id };
  await web1.sendJobMessage('ack_run', id, { output_every_ms: 0 });
};

const writes = (node: SimulatedNode, id: string, chunk: number, text: string, fields = {}): Promise<void> =>
  node.send({
    type: 'output',
    job_id: id,
    chunk,
    stream: 'stdout',
    data: Buffer.from(text).toString('base64'),
    ...fields,
  });

const outputsOf = ({ events }: FeedReading): string[] =>
  events
    .filter(({ name }) => name === 'output')
    .map(({ data }) => `${data.chunk as number} ${Buffer.from(data.data as string, 'base64').toString()}`);

const expectAsked = async (id: string, everyMs: number): Promise<void> => {
  expect(await web1.expectCommand('output_wanted')).toMatchObject({ job_id: id, every_ms: everyMs });
};

const outcome = async (name: string): Promise<number> => {
  const url = `http://127.0.0.1:${server.config.api_port}/pushy/metrics`;
  const answer = await server.http.send({ method: 'GET', url });
  if (!answer.ok) throw new Error(answer.error.reason);
  const pattern = new RegExp(`push_jobs_output_chunks_total\\{outcome="${name}"\\} (\\d+)`);
  return Number(pattern.exec(answer.value.body.toString())?.[1] ?? 0);
};

describe('the output of a job that runs', () => {
  it('comes with the feed to who asks for it, without ids, before the end of its node, and to nobody else', async () => {
    const id = await runningJob();
    const plain = await read(id, '');
    const reading = await read(id);
    await expectAsked(id, PACE);
    await writes(web1, id, 1, 'one\n');
    await writes(web1, id, 2, 'oh\n', { stream: 'stderr', skipped: 7 });
    await eventually(() => outputsOf(reading).length === 2);
    await writes(web1, id, 3, 'last\n');
    await endRun(web1, id);
    await Promise.all([reading.end(), plain.end()]);

    expect(reading.text).toMatch(/^event: output_open\ndata: \{"timestamp":"[^"]+"\}\n\n/);
    expect(reading.text).toMatch(
      /event: output\ndata: \{"timestamp":"[^"]+Z","node":"web1","stream":"stderr","chunk":2,"skipped":7,"data":"b2gK"\}\n\n/,
    );
    expect(reading.events.map(({ name }) => name).slice(-5)).toEqual([
      'output',
      'output',
      'output',
      'run_complete',
      'job_complete',
    ]);
    const withoutOutput = reading.text.replace(/event: output\w*\ndata: .*\n\n/g, '');
    expect(withoutOutput).toBe(plain.text);
  });

  it('is asked for until the last reader has left, and a second one gets what came before', async () => {
    const id = await runningJob();
    const first = await read(id);
    await expectAsked(id, PACE);
    await writes(web1, id, 1, 'one');
    await eventually(() => outputsOf(first).length === 1);
    const second = await read(id, '?output=true', 'job-3');
    await eventually(() => outputsOf(second).length === 1);
    first.close();
    await writes(web1, id, 2, 'two');
    await eventually(() => outputsOf(second).length === 2);
    expect(second.events.map(({ name, id: eventId }) => `${name} ${eventId}`.trim())).toEqual([
      'output_open',
      'run_start job-4',
      'output',
      'output',
    ]);
    second.close();
    await expectAsked(id, 0);
    await endRun(web1, id);
    await server.jobBecomes(id, 'complete');
  });

  it('is asked for anew of a node that says that it sends none: it connected anew, or we did', async () => {
    const id = await runningJob();
    const reading = await read(id);
    await expectAsked(id, PACE);
    await writes(web1, id, 1, 'one');
    await web1.send({ type: 'heartbeat', job_state: 'running', job_id: id, output_every_ms: 0 });
    await expectAsked(id, PACE);
    await writes(web1, id, 1, 'one');
    await writes(web1, id, 2, 'two');
    await eventually(() => outputsOf(reading).length === 2);
    expect(outputsOf(reading)).toEqual(['1 one', '2 two']);
    await endRun(web1, id);
    await reading.end();
  });

  it('is never asked for of a client that does not know of it, nor of a job that captures none', async () => {
    const id = await runningJob([web1, old]);
    const reading = await read(id);
    await expectAsked(id, PACE);
    await endRun(old, id, 'succeeded', { stdout: 'kept' });
    await endRun(web1, id);
    await reading.end();

    const without = await runningJob([web1], {});
    const silent = await read(without);
    await writes(web1, without, 1, 'not captured');
    await endRun(web1, without);
    await silent.end();
    expect(silent.events[0]?.name).toBe('output_open');
    expect(outputsOf(silent)).toEqual([]);

    const types = (node: SimulatedNode) => new Set(node.commands.map(({ type }) => type));
    expect(types(old).has('output_wanted')).toBe(false);
    const wantedFor = web1.commands.flatMap((one) => (one.type === 'output_wanted' ? [one.job_id] : []));
    expect(wantedFor).not.toContain(without);
  });

  it('does no harm when it comes late, or from a node that is not in the job', async () => {
    const id = await runningJob();
    const reading = await read(id);
    await expectAsked(id, PACE);
    const before = await outcome('not_running');
    await writes(old, id, 1, 'who am I?');
    await endRun(web1, id);
    await writes(web1, id, 1, 'late');
    await writes(web1, 'f'.repeat(32), 1, 'of no job at all');
    await eventually(async () => (await outcome('not_running')) === before + 3);
    expect(outputsOf(reading)).toEqual([]);
    expect((await reading.end()).at(-1)).toBe('job_complete complete');
    for (const name of ['web1', 'old']) {
      expect(await server.nodeState(name)).toMatchObject({ availability: 'available' });
    }
    expect((await server.job(id)).nodes).toEqual({ succeeded: ['web1'] });
  });

  it('is not for another organization', async () => {
    server.chef.createOrganization('other');
    const id = await runningJob();
    const bob = createPrivateKey(await server.chef.createUser('bob', { orgs: ['other'], admin: true }));
    for (const [org, status] of [
      [ORG, 403],
      ['other', 404],
    ] as const) {
      const answer = await server.as('bob', bob).send({
        method: 'GET',
        url: server.url(`/organizations/${org}/pushy/job_status_feed/${id}?output=true`),
        headers: { Accept: 'text/event-stream' },
      });
      expect(answer).toMatchObject({ ok: true, value: { status } });
    }
    await endRun(web1, id);
    await server.jobBecomes(id, 'complete');
    const wantedFor = web1.commands.flatMap((one) => (one.type === 'output_wanted' ? [one.job_id] : []));
    expect(wantedFor).not.toContain(id);
  });
});
