import { createPrivateKey } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FeedReader } from '../support/feed-reader.js';
import { endRun, startRun, voteYes } from '../support/node-steps.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { ORG } from '../support/server-surroundings.js';
import { useServer } from '../support/use-server.js';

/** Shortest interval between two output messages of a node, in milliseconds. */
const MIN_INTERVAL_MS = 250;

const server = useServer({ heartbeat_interval: 500, rehab_timer: 2_000, wait_complete_time: 1 });
/** A node that supports live output, and one with a client that does not. */
let web1: SimulatedNode;
let old: SimulatedNode;
let readers: FeedReader[] = [];

beforeAll(async () => {
  web1 = await server.availableNode('web1');
  old = await server.availableNode('old');
});
beforeEach(async () => {
  await server.nodeBecomes('web1', 'available');
  await server.nodeBecomes('old', 'available');
});
afterEach(() => {
  for (const reader of readers) reader.close();
  readers = [];
});

const openFeed = async (id: string, query = '?output=true', lastEventId?: string): Promise<FeedReader> => {
  const reader = await FeedReader.open(server, id, lastEventId, query);
  readers.push(reader);
  return reader;
};

/** Starts a job that runs on these nodes; `web1` announces live output. */
const startRunningJob = async (
  nodes = [web1],
  fields: object = { capture_output: true },
): Promise<string> => {
  const names = nodes.map((node) => (node === web1 ? 'web1' : 'old'));
  const id = await server.startJob({ nodes: names, ...fields });
  for (const node of nodes) await voteYes(node, id);
  for (const node of nodes) {
    if (node === web1) await startWithLiveOutput(id);
    else await startRun(node, id);
  }
  await eventually(async () => (await server.job(id)).nodes.running?.length === nodes.length);
  return id;
};

const startWithLiveOutput = async (id: string): Promise<void> => {
  expect(await web1.expectCommand('run')).toMatchObject({ job_id: id });
  web1.reportedState = { state: 'running', jobId: id };
  await web1.sendJobMessage('ack_run', id, { output_every_ms: 0 });
};

const sendOutput = (
  node: SimulatedNode,
  id: string,
  chunk: number,
  text: string,
  fields = {},
): Promise<void> =>
  node.send({
    type: 'output',
    job_id: id,
    chunk,
    stream: 'stdout',
    data: Buffer.from(text).toString('base64'),
    ...fields,
  });

const outputsOf = ({ events }: FeedReader): string[] =>
  events
    .filter(({ name }) => name === 'output')
    .map(({ data }) => `${data.chunk as number} ${Buffer.from(data.data as string, 'base64').toString()}`);

const expectOutputWanted = async (id: string, everyMs: number): Promise<void> => {
  expect(await web1.expectCommand('output_wanted')).toMatchObject({ job_id: id, every_ms: everyMs });
};

const chunkCount = async (outcome: string): Promise<number> =>
  (await server.metrics()).get(`push_jobs_output_chunks_total{outcome="${outcome}"}`) ?? 0;

describe('live output', () => {
  it('is sent without ids only to readers that requested it, before the end of its node', async () => {
    const id = await startRunningJob();
    const plain = await openFeed(id, '');
    const reader = await openFeed(id);
    await expectOutputWanted(id, MIN_INTERVAL_MS);
    await sendOutput(web1, id, 1, 'one\n');
    await sendOutput(web1, id, 2, 'oh\n', { stream: 'stderr', skipped: 7 });
    await eventually(() => outputsOf(reader).length === 2);
    await sendOutput(web1, id, 3, 'last\n');
    await endRun(web1, id);
    await Promise.all([reader.waitForEnd(), plain.waitForEnd()]);

    expect(reader.text).toMatch(/^event: output_open\ndata: \{"timestamp":"[^"]+"\}\n\n/);
    expect(reader.text).toMatch(
      /event: output\ndata: \{"timestamp":"[^"]+Z","node":"web1","stream":"stderr","chunk":2,"skipped":7,"data":"b2gK"\}\n\n/,
    );
    expect(reader.events.map(({ name }) => name).slice(-5)).toEqual([
      'output',
      'output',
      'output',
      'run_complete',
      'job_complete',
    ]);
    const withoutOutput = reader.text.replace(/event: output\w*\ndata: .*\n\n/g, '');
    expect(withoutOutput).toBe(plain.text);
  });

  it('is requested until the last reader has left, and a second reader gets the earlier output', async () => {
    const id = await startRunningJob();
    const first = await openFeed(id);
    await expectOutputWanted(id, MIN_INTERVAL_MS);
    await sendOutput(web1, id, 1, 'one');
    await eventually(() => outputsOf(first).length === 1);
    const second = await openFeed(id, '?output=true', 'job-3');
    await eventually(() => outputsOf(second).length === 1);
    first.close();
    await sendOutput(web1, id, 2, 'two');
    await eventually(() => outputsOf(second).length === 2);
    expect(second.events.map(({ name, id: eventId }) => `${name} ${eventId}`.trim())).toEqual([
      'output_open',
      'run_start job-4',
      'output',
      'output',
    ]);
    second.close();
    await expectOutputWanted(id, 0);
    await endRun(web1, id);
    await server.jobBecomes(id, 'complete');
  });

  it('is requested again from a node that reports that it sends none, for example after a reconnect', async () => {
    const id = await startRunningJob();
    const reader = await openFeed(id);
    await expectOutputWanted(id, MIN_INTERVAL_MS);
    await sendOutput(web1, id, 1, 'one');
    await web1.send({ type: 'heartbeat', job_state: 'running', job_id: id, output_every_ms: 0 });
    await expectOutputWanted(id, MIN_INTERVAL_MS);
    await sendOutput(web1, id, 1, 'one');
    await sendOutput(web1, id, 2, 'two');
    await eventually(() => outputsOf(reader).length === 2);
    expect(outputsOf(reader)).toEqual(['1 one', '2 two']);
    await endRun(web1, id);
    await reader.waitForEnd();
  });

  it('is never requested from a client without the capability, nor for a job without capture', async () => {
    const id = await startRunningJob([web1, old]);
    const reader = await openFeed(id);
    await expectOutputWanted(id, MIN_INTERVAL_MS);
    await endRun(old, id, 'succeeded', { stdout: 'kept' });
    await endRun(web1, id);
    await reader.waitForEnd();

    const without = await startRunningJob([web1], {});
    const silent = await openFeed(without);
    await sendOutput(web1, without, 1, 'not captured');
    await endRun(web1, without);
    await silent.waitForEnd();
    expect(silent.events[0]?.name).toBe('output_open');
    expect(outputsOf(silent)).toEqual([]);

    const types = (node: SimulatedNode) => new Set(node.commands.map(({ type }) => type));
    expect(types(old).has('output_wanted')).toBe(false);
    const wantedFor = web1.commands.flatMap((one) => (one.type === 'output_wanted' ? [one.job_id] : []));
    expect(wantedFor).not.toContain(without);
  });

  it('is dropped if it arrives late or from a node that is not in the job', async () => {
    const id = await startRunningJob();
    const reader = await openFeed(id);
    await expectOutputWanted(id, MIN_INTERVAL_MS);
    const before = await chunkCount('not_running');
    await sendOutput(old, id, 1, 'who am I?');
    await endRun(web1, id);
    await sendOutput(web1, id, 1, 'late');
    await sendOutput(web1, 'f'.repeat(32), 1, 'of no job at all');
    await eventually(async () => (await chunkCount('not_running')) === before + 3);
    expect(outputsOf(reader)).toEqual([]);
    expect((await reader.waitForEnd()).at(-1)).toBe('job_complete complete');
    for (const name of ['web1', 'old']) {
      expect(await server.nodeState(name)).toMatchObject({ availability: 'available' });
    }
    expect((await server.job(id)).nodes).toEqual({ succeeded: ['web1'] });
  });

  it('is rejected for users of another organization', async () => {
    server.chef.createOrganization('other');
    const id = await startRunningJob();
    const bob = createPrivateKey(await server.chef.createUser('bob', { orgs: ['other'], admin: true }));
    for (const [org, status] of [
      [ORG, 403],
      ['other', 404],
    ] as const) {
      const response = await server.as('bob', bob).send({
        method: 'GET',
        url: server.url(`/organizations/${org}/pushy/job_status_feed/${id}?output=true`),
        headers: { Accept: 'text/event-stream' },
      });
      expect(response).toMatchObject({ ok: true, value: { status } });
    }
    await endRun(web1, id);
    await server.jobBecomes(id, 'complete');
    const wantedFor = web1.commands.flatMap((one) => (one.type === 'output_wanted' ? [one.job_id] : []));
    expect(wantedFor).not.toContain(id);
  });
});
