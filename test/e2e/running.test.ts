import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FeedReading, wholeFeed } from '../support/feed-reading.js';
import { answerAbort, endRun, startRun, voteYes } from '../support/play-job.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';

const UNKNOWN_JOB = 'f'.repeat(32);

let server: ServerUnderTest;
let web1: SimulatedNode;
let web2: SimulatedNode;
beforeAll(async () => (server = await ServerUnderTest.start({ rehab_timer: 1_000 })));
afterAll(() => server.close());
beforeEach(async () => {
  [web1, web2] = await Promise.all([server.availableNode('web1'), server.availableNode('web2')]);
});
afterEach(() => {
  web1.close();
  web2.close();
});

/** A job that both nodes are ready for; what its feed tells from the run on. */
const bothReady = async (over: { run_timeout?: number } = {}): Promise<string> => {
  const id = await server.startJob({ nodes: ['web1', 'web2'], ...over });
  await Promise.all([voteYes(web1, id), voteYes(web2, id)]);
  return id;
};

const fromRunOn = (lines: readonly string[]): string[] => lines.slice(lines.indexOf('quorum_succeeded') + 1);

describe('a job that runs', () => {
  it('is complete when all have ended, well or badly', async () => {
    const id = await bothReady();
    const feed = await FeedReading.open(server, id);
    await startRun(web1, id);
    await feed.until('run_start web1');
    await startRun(web2, id);
    await feed.until('run_start web2');
    await endRun(web2, id, 'failed');
    await feed.until('run_complete web2 failure');
    await endRun(web1, id);
    expect(fromRunOn(await feed.end())).toEqual([
      'run_start web1',
      'run_start web2',
      'run_complete web2 failure',
      'run_complete web1 success',
      'job_complete complete',
    ]);
    expect((await server.job(id)).nodes).toEqual({ succeeded: ['web1'], failed: ['web2'] });
  });

  /** What a node does in place of its part, and what is told of it; the other node does its part. */
  it.each<[string, (id: string) => Promise<void>, string, string[]]>([
    [
      'reports a result before it said that it runs',
      async (id) => {
        await web1.expectCommand('run');
        await web1.sendJobMessage('succeeded', id);
      },
      'crashed',
      ['rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'refuses to run',
      async (id) => {
        await web1.expectCommand('run');
        await web1.sendJobMessage('nack_run', id);
      },
      'failed',
      ['rehab web1', 'run_complete web1 run_nacked'],
    ],
    [
      'refuses to run what it runs',
      async (id) => {
        await startRun(web1, id);
        await web1.sendJobMessage('nack_run', id);
      },
      'failed',
      ['run_start web1', 'rehab web1', 'run_complete web1 run_nacked_while_running'],
    ],
    [
      'takes its vote back while it runs',
      async (id) => {
        await startRun(web1, id);
        await web1.sendJobMessage('nack_commit', id);
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'says that it aborted, unasked',
      async (id) => {
        await startRun(web1, id);
        await web1.sendJobMessage('aborted', id);
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'says that it aborted, and not what',
      async (id) => {
        await startRun(web1, id);
        await web1.sendJobMessage('aborted', null);
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'sends a result of a job that nobody knows',
      async (id) => {
        await startRun(web1, id);
        await web1.sendJobMessage('succeeded', UNKNOWN_JOB);
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'says in its heartbeats that it runs a job that nobody knows',
      async (id) => {
        await startRun(web1, id);
        web1.doing = { state: 'running', jobId: UNKNOWN_JOB };
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'is idle in its heartbeats',
      async (id) => {
        await startRun(web1, id);
        web1.doing = { state: 'idle', jobId: null };
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'falls silent',
      async (id) => {
        await startRun(web1, id);
        web1.stopBeating();
        await server.nodeBecomes('web1', 'unavailable');
        await web1.beat(100);
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
  ])('goes on without a node that %s', async (_what, misbehave, status, told) => {
    const id = await bothReady();
    await startRun(web2, id);
    await misbehave(id);
    await answerAbort(web1);
    await endRun(web2, id);
    const job = await server.jobBecomes(id, 'complete');
    expect(job.nodes).toEqual({ [status]: ['web1'], succeeded: ['web2'] });
    const lines = fromRunOn(await wholeFeed(server, id));
    expect(lines.filter((line) => line.includes('web1'))).toEqual(told);
    expect(lines.at(-1)).toBe('job_complete complete');
    await server.nodeBecomes('web1', 'available');
  });

  it('hears of a node that goes on about it after its part has ended', async () => {
    const id = await bothReady();
    const feed = await FeedReading.open(server, id);
    await startRun(web2, id);
    await startRun(web1, id);
    await feed.until('run_start web1');
    await endRun(web1, id);
    await web1.sendJobMessage('failed', id);
    await feed.until('run_complete web1 client_died_while_running');
    await answerAbort(web1);
    await endRun(web2, id);
    expect(fromRunOn(await feed.end()).filter((line) => line.includes('web1'))).toEqual([
      'run_start web1',
      'run_complete web1 success',
      'rehab web1',
      'run_complete web1 client_died_while_running',
    ]);
    expect((await server.job(id)).nodes).toEqual({ succeeded: ['web1', 'web2'] });
  });

  it('takes no notice of the same word twice in one frame', async () => {
    const id = await bothReady();
    await startRun(web1, id);
    await startRun(web2, id);
    const result = JSON.stringify(web1.message({ type: 'succeeded', job_id: id }));
    web1.doing = { state: 'idle', jobId: null };
    await web1.sendBody(result);
    await web1.sendBody(result);
    await endRun(web2, id);
    await server.jobBecomes(id, 'complete');
    expect(await wholeFeed(server, id)).not.toContain('rehab web1');
  });

  it('ends at its run timeout, and its nodes are told to drop it', async () => {
    const id = await bothReady({ run_timeout: 1 });
    await startRun(web1, id);
    await web2.expectCommand('run');
    const job = await server.jobBecomes(id, 'timed_out');
    expect(job.nodes).toEqual({ timed_out: ['web1', 'web2'] });
    await Promise.all([answerAbort(web1), answerAbort(web2)]);
    expect(fromRunOn(await wholeFeed(server, id))).toEqual(['run_start web1', 'job_complete timed_out']);
  });

  it('with a run timeout of 0 is timed out', async () => {
    const id = await bothReady({ run_timeout: 0 });
    await server.jobBecomes(id, 'timed_out');
  });

  it('is not disturbed by a node that connects anew', async () => {
    const id = await bothReady();
    await startRun(web1, id);
    await startRun(web2, id);
    web1.reconnect();
    await web1.sendHeartbeat();
    await web1.expectCommand('ack');
    await Promise.all([endRun(web1, id), endRun(web2, id)]);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1', 'web2'] });
  });

  it('loses a node whose client was started again', async () => {
    const id = await bothReady();
    await startRun(web1, id);
    await startRun(web2, id);
    web1.incarnationId = crypto.randomUUID();
    await answerAbort(web1);
    await endRun(web2, id);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({
      crashed: ['web1'],
      succeeded: ['web2'],
    });
  });

  it('keeps output of a node whatever became of it, and the stream that did not come empty', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'], capture_output: true });
    await Promise.all([voteYes(web1, id), voteYes(web2, id)]);
    await startRun(web2, id);
    await web1.expectCommand('run');
    await web1.sendJobMessage('nack_run', id);
    await web1.expectCommand('abort');
    await web1.sendJobMessage('failed', id, { stderr: 'late' });
    await endRun(web2, id);
    await server.jobBecomes(id, 'complete');
    const output = async (stream: string) =>
      await server.as().send({
        method: 'GET',
        url: server.url(`/organizations/acme/pushy/jobs/${id}/output/web1/${stream}`),
        headers: { Accept: 'application/octet-stream' },
      });
    expect(await output('stderr')).toMatchObject({ value: { status: 200, body: Buffer.from('late') } });
    expect(await output('stdout')).toMatchObject({ value: { status: 200, body: Buffer.alloc(0) } });
  });
});
