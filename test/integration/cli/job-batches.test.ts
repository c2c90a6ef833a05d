import { beforeEach, describe, expect, it } from 'vitest';
import type { NodeStatus } from '../../../src/shared/protocol/job-status.js';
import type { JobRequest } from '../../../src/shared/protocol/job-request.js';
import type { Job } from '../../../src/shared/protocol/rest-schemas.js';
import { feedText, startEvent, stubJob } from '../../support/stub-job.js';
import { useStubbedCli } from '../../support/use-stubbed-cli.js';

const { cli, server } = useStubbedCli();

const idOf = (number: number): string => String(number).padStart(32, '0');

/**
 * Every job ends at once. The prefix of a node name is the node status (`failed-1`), other nodes succeed. The quorum fails
 * if a node is named `down`.
 */
const simulateJobs = () => {
  let count = 0;
  server.on('POST pushy/jobs', ({ body }) => {
    const id = idOf(++count);
    const job = simulateJob(id, body as JobRequest);
    server.on(`GET pushy/jobs/${id}`, { json: job });
    return { status: 201, json: { uri: `${server.url}/pushy/jobs/${id}` } };
  });
};

const simulateJob = (id: string, { nodes }: JobRequest): Job => {
  if (nodes.includes('down')) {
    const others = nodes.filter((node) => node !== 'down');
    return stubJob({ unavailable: ['down'], was_ready: others }, { id, status: 'quorum_failed' });
  }
  const byStatus: Partial<Record<NodeStatus, string[]>> = {};
  for (const node of nodes) {
    const [, status = 'succeeded'] = /^(failed|nacked|crashed)-/.exec(node) ?? [];
    (byStatus[status as NodeStatus] ??= []).push(node);
  }
  return stubJob(byStatus, { id });
};

const sent = () =>
  server.requestsOf('POST pushy/jobs').map(({ body }) => {
    const { nodes, quorum } = body as JobRequest;
    return { nodes, quorum };
  });

const start = (...args: string[]) =>
  cli.run(['job', 'start', 'x', '--poll-interval', '0.01', ...args], { interruptAt: 'never printed' });

beforeEach(() => simulateJobs());

describe('job start --batch', () => {
  it('runs the batches in order, each with its own quorum, and prints one summary', async () => {
    const { code, stdout } = await start('a', 'b', 'c', 'd', 'e', '--batch', '2', '-q', '50%');

    expect(code).toBe(0);
    expect(sent()).toEqual([
      { nodes: ['a', 'b'], quorum: 1 },
      { nodes: ['c', 'd'], quorum: 1 },
      { nodes: ['e'], quorum: 1 },
    ]);
    expect(stdout).toContain('Batch 1 of 3: 2 nodes\nStarted.  Job ID: ');
    expect(stdout).toContain('Batch 3 of 3: 1 node\n');
    expect(stdout.split('\n').slice(-5)).toEqual([
      'All 3 batches are done. All 5 nodes succeeded.',
      `Batch 1: job ${idOf(1)}, complete`,
      `Batch 2: job ${idOf(2)}, complete`,
      `Batch 3: job ${idOf(3)}, complete`,
      '',
    ]);
  });

  it.each([
    ['40%', [2, 2, 1]],
    ['1%', [1, 1, 1, 1, 1]],
    ['100%', [5]],
    ['9', [5]],
  ])('splits five nodes by %s into batches of %j', async (batch, sizes) => {
    await start('a', 'b', 'c', 'd', 'e', '--batch', batch);

    expect(sent().map(({ nodes }) => nodes.length)).toEqual(sizes);
  });

  it('limits the quorum to the size of the batch', async () => {
    await start('a', 'b', 'c', '--batch', '2', '-q', '2');

    expect(sent().map(({ quorum }) => quorum)).toEqual([2, 1]);
  });

  it('stops after the first failed node and names the nodes that were not started', async () => {
    const { code, stdout } = await start('a', 'failed-1', 'c', 'd', '--batch', '2');

    expect(code).toBe(1);
    expect(sent()).toHaveLength(1);
    expect(stdout).toContain(
      [
        'Stopped after batch 1 of 2: 1 node failed, and --max-failures allows 0. 1 of 2 nodes succeeded, 1 failed.',
        '  failed: failed-1',
        '  not started: c, d',
        `Batch 1: job ${idOf(1)}, complete`,
        '',
      ].join('\n'),
    );
  });

  it('continues until more nodes have failed than --max-failures allows', async () => {
    const nodes = ['failed-1', 'nacked-1', 'crashed-2', 'failed-3', 'e'];
    const { code, stdout } = await start(...nodes, '--batch', '1', '--max-failures', '2');

    expect(code).toBe(1);
    expect(sent()).toHaveLength(4);
    expect(stdout).toContain('Stopped after batch 4 of 5: 3 nodes failed, and --max-failures allows 2.');
  });

  it('exits with 1 if a node failed although all batches were run', async () => {
    const { code, stdout } = await start('a', 'failed-1', '--batch', '1', '--max-failures', '5');

    expect(code).toBe(1);
    expect(stdout).toContain('All 2 batches are done. 1 of 2 nodes succeeded, 1 failed.\n');
  });

  it('stops after a failed quorum even if --max-failures is high', async () => {
    const { code, stdout } = await start('down', 'b', '--batch', '1', '--max-failures', '100');

    expect(code).toBe(1);
    expect(sent()).toHaveLength(1);
    expect(stdout).toContain('Stopped after batch 1 of 2: too few of its nodes were ready for the quorum.');
  });

  it('prints a summary if the server rejects a later batch', async () => {
    server.on(
      'POST pushy/jobs',
      () => {
        server.on(`GET pushy/jobs/${idOf(1)}`, { json: stubJob({ succeeded: ['a'] }, { id: idOf(1) }) });
        return { status: 201, json: { uri: `${server.url}/pushy/jobs/${idOf(1)}` } };
      },
      { status: 403, json: { error: ['no more'] } },
    );
    const { code, stdout } = await start('a', 'b', '--batch', '1');

    expect(code).toBe(1);
    expect(stdout).toContain('Stopped after batch 1 of 2: ');
    expect(stdout).toContain('no more (status 403)');
    expect(stdout).toContain('  not started: b\n');
  });

  it('does not list nodes as not started if their job may have been started', async () => {
    server.on(
      'POST pushy/jobs',
      () => {
        server.on(`GET pushy/jobs/${idOf(1)}`, { json: stubJob({ succeeded: ['a'] }, { id: idOf(1) }) });
        return { status: 201, json: { uri: `${server.url}/pushy/jobs/${idOf(1)}` } };
      },
      { status: 201, feed: '{', then: 'break' },
      { status: 400, json: { error: 'invalid key supplied' } },
    );
    const { code, stdout } = await start('a', 'b', 'c', '--batch', '1');

    expect(code).toBe(1);
    expect(stdout).toContain('Stopped after batch 1 of 3: it is unknown whether the job was started');
    expect(stdout).toContain('  not started: c\n');
  });

  it('prints a summary if a job can no longer be followed', async () => {
    server.on('POST pushy/jobs', ({ body }) => {
      const isFirst = (body as JobRequest).nodes.includes('a');
      const id = idOf(isFirst ? 1 : 2);
      server.on(
        `GET pushy/jobs/${id}`,
        isFirst
          ? { json: stubJob({ succeeded: ['a'] }, { id }) }
          : { status: 403, json: { error: ['not any more'] } },
      );
      return { status: 201, json: { uri: `${server.url}/pushy/jobs/${id}` } };
    });
    const { code, stdout } = await start('a', 'b', 'c', '--batch', '1');

    expect(code).toBe(1);
    expect(stdout).toContain('not any more (status 403)');
    expect(stdout).toContain('All 1 node succeeded.\n  not started: c\n');
    expect(stdout).toContain(`Batch 2: job ${idOf(2)}, not over when last seen\n`);
  });

  it('prints one document for programs', async () => {
    const { stdout } = await start('a', 'failed-1', 'c', '--batch', '1', '--format', 'json');

    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'stopped',
      reason: '1 node failed, and --max-failures allows 0',
      jobs: [{ id: idOf(1) }, { id: idOf(2), nodes: { failed: ['failed-1'] } }],
      not_started: ['c'],
    });
  });

  it('prints only the summary with --quiet', async () => {
    const { stdout } = await start('a', 'b', '--batch', '1', '--quiet');

    expect(stdout).toMatch(/^All 2 batches are done\. /);
  });

  it('starts no further batch after Ctrl-C and names the job that continues', async () => {
    server.on('GET pushy/job_status_feed/' + idOf(1), { feed: feedText([startEvent(1)]), then: 'hold' });
    const { code, stdout, stderr } = await cli.run(['job', 'start', 'x', 'a', 'b', '--batch', '1'], {
      interruptAt: 'Voting.',
    });

    expect(code).toBe(130);
    expect(stderr).toContain(`To abort it:  push-jobs job abort ${idOf(1)}`);
    expect(stdout).toContain(
      `Stopped after batch 0 of 2: Ctrl-C.\n  not started: b\nBatch 1: job ${idOf(1)}, not over when last seen\n`,
    );
    expect(sent()).toHaveLength(1);
  });

  it('starts no further batch after Ctrl-C between two batches', async () => {
    const { code, stdout } = await cli.run(
      ['job', 'start', 'x', 'a', 'b', '--batch', '1', '--batch-wait', '3600', '--poll-interval', '0.01'],
      { interruptAt: 'Complete. All 1 node succeeded.' },
    );

    expect(code).toBe(130);
    expect(stdout).toContain('Stopped after batch 1 of 2: Ctrl-C.');
    expect(sent()).toHaveLength(1);
  });

  it.each([
    [['--batch', '0'], '--batch must be a number of nodes or a percentage'],
    [['--batch', '101%'], '--batch must be a number of nodes or a percentage'],
    [['--batch', 'few'], '--batch must be a number of nodes or a percentage'],
    [['--batch', '1', '--nowait'], '--nowait cannot be used with --batch'],
    [['--batch-wait', '5'], '--batch-wait requires --batch'],
    [['--max-failures', '5'], '--max-failures requires --batch'],
    [['--batch', '1', '--max-failures', 'x'], '--max-failures must be a whole number'],
    [['--batch', '1', '--batch-wait', 'x'], '--batch-wait must be a number of seconds'],
  ])('rejects %j', async (args, text) => {
    const outcome = await start('a', ...args);

    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain(text);
    expect(server.requests).toEqual([]);
  });
});
