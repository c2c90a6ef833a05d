import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FeedReader, readWholeFeed } from '../support/feed-reader.js';
import { answerAbort, endRun, startRun, voteYes } from '../support/node-steps.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { useServer } from '../support/use-server.js';

const UNKNOWN_JOB = 'f'.repeat(32);

const server = useServer({ rehab_timer: 1_000 });
let web1: SimulatedNode;
let web2: SimulatedNode;
beforeEach(async () => {
  [web1, web2] = await Promise.all([server.availableNode('web1'), server.availableNode('web2')]);
});
afterEach(() => {
  web1.close();
  web2.close();
});

/** Starts a job that both nodes have voted yes for. */
const startReadyJob = async (options: { run_timeout?: number } = {}): Promise<string> => {
  const id = await server.startJob({ nodes: ['web1', 'web2'], ...options });
  await Promise.all([voteYes(web1, id), voteYes(web2, id)]);
  return id;
};

const linesAfterQuorum = (lines: readonly string[]): string[] =>
  lines.slice(lines.indexOf('quorum_succeeded') + 1);

describe('a running job', () => {
  it('is complete when all nodes have succeeded or failed', async () => {
    const id = await startReadyJob();
    const feed = await FeedReader.open(server, id);
    await startRun(web1, id);
    await feed.waitForLine('run_start web1');
    await startRun(web2, id);
    await feed.waitForLine('run_start web2');
    await endRun(web2, id, 'failed');
    await feed.waitForLine('run_complete web2 failure');
    await endRun(web1, id);
    expect(linesAfterQuorum(await feed.waitForEnd())).toEqual([
      'run_start web1',
      'run_start web2',
      'run_complete web2 failure',
      'run_complete web1 success',
      'job_complete complete',
    ]);
    expect((await server.job(id)).nodes).toEqual({ succeeded: ['web1'], failed: ['web2'] });
  });

  /** What web1 does wrong, the status of its job node, and its lines in the feed. */
  it.each<[string, (id: string) => Promise<void>, string, string[]]>([
    [
      'reports a result before ack_run',
      async (id) => {
        await web1.expectCommand('run');
        await web1.sendJobMessage('succeeded', id);
      },
      'crashed',
      ['rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'sends nack_run',
      async (id) => {
        await web1.expectCommand('run');
        await web1.sendJobMessage('nack_run', id);
      },
      'failed',
      ['rehab web1', 'run_complete web1 run_nacked'],
    ],
    [
      'sends nack_run while it runs the job',
      async (id) => {
        await startRun(web1, id);
        await web1.sendJobMessage('nack_run', id);
      },
      'failed',
      ['run_start web1', 'rehab web1', 'run_complete web1 run_nacked_while_running'],
    ],
    [
      'sends nack_commit while it runs the job',
      async (id) => {
        await startRun(web1, id);
        await web1.sendJobMessage('nack_commit', id);
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'sends aborted without an abort',
      async (id) => {
        await startRun(web1, id);
        await web1.sendJobMessage('aborted', id);
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'sends aborted without a job id',
      async (id) => {
        await startRun(web1, id);
        await web1.sendJobMessage('aborted', null);
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'sends a result of an unknown job',
      async (id) => {
        await startRun(web1, id);
        await web1.sendJobMessage('succeeded', UNKNOWN_JOB);
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'reports an unknown job in its heartbeats',
      async (id) => {
        await startRun(web1, id);
        web1.reportedState = { state: 'running', jobId: UNKNOWN_JOB };
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
    [
      'reports idle in its heartbeats',
      async (id) => {
        await startRun(web1, id);
        web1.reportedState = { state: 'idle', jobId: null };
      },
      'crashed',
      ['run_start web1', 'rehab web1', 'run_complete web1 crashed'],
    ],
  ])('continues without a node that %s', async (_what, misbehave, status, expectedLines) => {
    const id = await startReadyJob();
    await startRun(web2, id);
    await misbehave(id);
    await answerAbort(web1);
    await endRun(web2, id);
    const job = await server.jobBecomes(id, 'complete');
    expect(job.nodes).toEqual({ [status]: ['web1'], succeeded: ['web2'] });
    const lines = linesAfterQuorum(await readWholeFeed(server, id));
    expect(lines.filter((line) => line.includes('web1'))).toEqual(expectedLines);
    expect(lines.at(-1)).toBe('job_complete complete');
    await server.nodeBecomes('web1', 'available');
  });

  it('records an event when a node reports a second result', async () => {
    const id = await startReadyJob();
    const feed = await FeedReader.open(server, id);
    await startRun(web2, id);
    await startRun(web1, id);
    await feed.waitForLine('run_start web1');
    await endRun(web1, id);
    await web1.sendJobMessage('failed', id);
    await feed.waitForLine('run_complete web1 client_died_while_running');
    await answerAbort(web1);
    await endRun(web2, id);
    expect(linesAfterQuorum(await feed.waitForEnd()).filter((line) => line.includes('web1'))).toEqual([
      'run_start web1',
      'run_complete web1 success',
      'rehab web1',
      'run_complete web1 client_died_while_running',
    ]);
    expect((await server.job(id)).nodes).toEqual({ succeeded: ['web1', 'web2'] });
  });

  it('ignores a repeated frame', async () => {
    const id = await startReadyJob();
    await startRun(web1, id);
    await startRun(web2, id);
    const result = JSON.stringify(web1.message({ type: 'succeeded', job_id: id }));
    web1.reportedState = { state: 'idle', jobId: null };
    await web1.sendBody(result);
    await web1.sendBody(result);
    await endRun(web2, id);
    await server.jobBecomes(id, 'complete');
    expect(await readWholeFeed(server, id)).not.toContain('rehab web1');
  });

  it('ends at its run timeout, and its nodes get `abort`', async () => {
    const id = await startReadyJob({ run_timeout: 1 });
    await startRun(web1, id);
    await web2.expectCommand('run');
    const job = await server.jobBecomes(id, 'timed_out');
    expect(job.nodes).toEqual({ timed_out: ['web1', 'web2'] });
    await Promise.all([answerAbort(web1), answerAbort(web2)]);
    expect(linesAfterQuorum(await readWholeFeed(server, id))).toEqual([
      'run_start web1',
      'job_complete timed_out',
    ]);
  });

  it('with a run timeout of 0 times out at once', async () => {
    const id = await startReadyJob({ run_timeout: 0 });
    await server.jobBecomes(id, 'timed_out');
  });

  it('continues when a node reconnects', async () => {
    const id = await startReadyJob();
    await startRun(web1, id);
    await startRun(web2, id);
    web1.reconnect();
    await web1.sendHeartbeat();
    await web1.expectCommand('ack');
    await Promise.all([endRun(web1, id), endRun(web2, id)]);
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1', 'web2'] });
  });

  it('has a crashed job node when its client has restarted', async () => {
    const id = await startReadyJob();
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

  it('stores late output of a node that has already failed, and an empty text for a missing stream', async () => {
    const id = await server.startJob({ nodes: ['web1', 'web2'], capture_output: true });
    await Promise.all([voteYes(web1, id), voteYes(web2, id)]);
    await startRun(web2, id);
    await web1.expectCommand('run');
    await web1.sendJobMessage('nack_run', id);
    await web1.expectCommand('abort');
    await web1.sendJobMessage('failed', id, { stderr: 'late' });
    await endRun(web2, id);
    await server.jobBecomes(id, 'complete');
    expect(await server.getOutput(id, 'web1', 'stderr')).toMatchObject({
      value: { status: 200, body: Buffer.from('late') },
    });
    expect(await server.getOutput(id, 'web1', 'stdout')).toMatchObject({
      value: { status: 200, body: Buffer.alloc(0) },
    });
  });
});
