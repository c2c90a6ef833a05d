import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NodeStatus } from '../../../src/shared/protocol/job-status.js';
import type { Job, JobRequest } from '../../../src/shared/protocol/rest-schemas.js';
import { CliUnderTest } from '../../support/cli-under-test.js';
import { feedText, startEvent, stubJob } from '../../support/stub-job.js';
import { StubPushyServer } from '../../support/stub-pushy-server.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

let server: StubPushyServer;
let cli: CliUnderTest;

const idOf = (number: number): string => String(number).padStart(32, '0');

/**
 * Every job is over at once: a node ends as its name begins (`failed-1`), any other succeeds; where a node is called
 * `down`, the quorum fails.
 */
const playJobs = () => {
  let count = 0;
  server.on('POST pushy/jobs', ({ body }) => {
    const id = idOf(++count);
    const job = play(id, body as JobRequest);
    server.on(`GET pushy/jobs/${id}`, { json: job });
    return { status: 201, json: { uri: `${server.url}/pushy/jobs/${id}` } };
  });
};

const play = (id: string, { nodes }: JobRequest): Job => {
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

beforeAll(async () => {
  server = await StubPushyServer.start('alice', publicKey);
  cli = new CliUnderTest();
  cli.writeCredentials(server.url, 'alice', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
});
beforeEach(() => {
  server.reset();
  playJobs();
});
afterAll(async () => {
  cli.remove();
  await server.close();
});

describe('job start --batch', () => {
  it('runs batch after batch, each with its own quorum, and sums up at the end', async () => {
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
  ])('cuts five nodes by %s into %j', async (batch, sizes) => {
    await start('a', 'b', 'c', 'd', 'e', '--batch', batch);

    expect(sent().map(({ nodes }) => nodes.length)).toEqual(sizes);
  });

  it('asks for no more nodes than a batch has', async () => {
    await start('a', 'b', 'c', '--batch', '2', '-q', '2');

    expect(sent().map(({ quorum }) => quorum)).toEqual([2, 1]);
  });

  it('stops at the first failed node, and names those that had no turn', async () => {
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

  it('goes on while no more nodes failed than are allowed', async () => {
    const nodes = ['failed-1', 'nacked-1', 'crashed-2', 'failed-3', 'e'];
    const { code, stdout } = await start(...nodes, '--batch', '1', '--max-failures', '2');

    expect(code).toBe(1);
    expect(sent()).toHaveLength(4);
    expect(stdout).toContain('Stopped after batch 4 of 5: 3 nodes failed, and --max-failures allows 2.');
  });

  it('ends with 1 though all batches had their turn, where a node failed', async () => {
    const { code, stdout } = await start('a', 'failed-1', '--batch', '1', '--max-failures', '5');

    expect(code).toBe(1);
    expect(stdout).toContain('All 2 batches are done. 1 of 2 nodes succeeded, 1 failed.\n');
  });

  it('stops where a quorum fails, however many failures are allowed', async () => {
    const { code, stdout } = await start('down', 'b', '--batch', '1', '--max-failures', '100');

    expect(code).toBe(1);
    expect(sent()).toHaveLength(1);
    expect(stdout).toContain('Stopped after batch 1 of 2: too few of its nodes were ready for the quorum.');
  });

  it('sums up what was done where the server refuses a later batch', async () => {
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

  it('calls no node not started whose job may have been', async () => {
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
    expect(stdout).toContain('Stopped after batch 1 of 3: it is not known whether the job was started');
    expect(stdout).toContain('  not started: c\n');
  });

  it('sums up what is known where a job can be followed no longer', async () => {
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
    expect(stdout).toContain(`Batch 2: job ${idOf(2)}, was not over when last seen\n`);
  });

  it('gives one document for programs', async () => {
    const { stdout } = await start('a', 'failed-1', 'c', '--batch', '1', '--format', 'json');

    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'stopped',
      reason: '1 node failed, and --max-failures allows 0',
      jobs: [{ id: idOf(1) }, { id: idOf(2), nodes: { failed: ['failed-1'] } }],
      not_started: ['c'],
    });
  });

  it('prints the summary alone where it should be quiet', async () => {
    const { stdout } = await start('a', 'b', '--batch', '1', '--quiet');

    expect(stdout).toMatch(/^All 2 batches are done\. /);
  });

  it('starts nothing more after Ctrl-C, and says which job goes on', async () => {
    server.on('GET pushy/job_status_feed/' + idOf(1), { feed: feedText([startEvent(1)]), then: 'hold' });
    const { code, stdout, stderr } = await cli.run(['job', 'start', 'x', 'a', 'b', '--batch', '1'], {
      interruptAt: 'Voting.',
    });

    expect(code).toBe(130);
    expect(stderr).toContain(`To abort it:  push-jobs job abort ${idOf(1)}`);
    expect(stdout).toContain(
      `Stopped after batch 0 of 2: Ctrl-C.\n  not started: b\nBatch 1: job ${idOf(1)}, was not over when last seen\n`,
    );
    expect(sent()).toHaveLength(1);
  });

  it('starts nothing more after Ctrl-C between two batches', async () => {
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
    [['--batch', '1', '--nowait'], '--nowait does not go with --batch'],
    [['--batch-wait', '5'], '--batch-wait goes with --batch'],
    [['--max-failures', '5'], '--max-failures goes with --batch'],
    [['--batch', '1', '--max-failures', 'x'], '--max-failures must be a whole number'],
    [['--batch', '1', '--batch-wait', 'x'], '--batch-wait must be a number of seconds'],
  ])('refuses %j', async (args, text) => {
    const outcome = await start('a', ...args);

    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain(text);
    expect(server.requests).toEqual([]);
  });
});
