import { describe, expect, it } from 'vitest';
import { deferred } from '../../../src/shared/lib/deferred.js';
import type { Job } from '../../../src/shared/protocol/rest-schemas.js';
import { feedText, JOB_ID, startEvent, stubJob, runEvents } from '../../support/stub-job.js';
import { useStubbedCli } from '../../support/use-stubbed-cli.js';

const { cli, server } = useStubbedCli();

const FEED = `GET pushy/job_status_feed/${JOB_ID}`;
const JOB = `GET pushy/jobs/${JOB_ID}`;

const acceptJobs = () =>
  server.on('POST pushy/jobs', { status: 201, json: { uri: `${server.url}/pushy/jobs/${JOB_ID}` } });

/** Accepts a job that has already ended when it is fetched. */
const jobEndsAs = (job: Job) =>
  acceptJobs()
    .on(FEED, { feed: feedText(runEvents({})) })
    .on(JOB, { json: job });

describe('job start without a response', () => {
  const CUT_OFF = { status: 201, feed: '{', then: 'break' } as const;
  const posts = () => server.requestsOf('POST pushy/jobs');
  const start = () => cli.run(['job', 'start', 'x', 'a', '--nowait', '--profile', 'default']);

  it('repeats the request with the same idempotency key', async () => {
    server.on(
      'POST pushy/jobs',
      CUT_OFF,
      {
        json: { dry_run: true, quorum: 1, quorum_reached: false, nodes: { available: [], unavailable: [] } },
      },
      { status: 201, json: { uri: `${server.url}/pushy/jobs/${JOB_ID}` } },
    );

    expect(await start()).toMatchObject({
      code: 0,
      stdout: `The response was lost; asking the server whether the job was started.\nStarted.  Job ID: ${JOB_ID}\n`,
    });
    const job = { command: 'x', nodes: ['a'], quorum: 1 };
    expect(posts().map(({ body }) => body)).toEqual([job, { ...job, dry_run: true }, job]);
    const [first, , second] = posts().map(({ headers }) => headers['idempotency-key']);
    expect(first).toMatch(/^[\x21-\x7e]{16,255}$/);
    expect(second).toBe(first);
  });

  it('does not repeat the request if the server does not support idempotency keys', async () => {
    server.on('POST pushy/jobs', CUT_OFF, { status: 400, json: { error: 'invalid key supplied' } });
    const { code, stderr } = await start();

    expect(code).toBe(1);
    expect(posts().map(({ body }) => 'dry_run' in (body as object))).toEqual([false, true]);
    expect(stderr).toMatch(
      /^ERROR: it is unknown whether the job was started \(to check, run: push-jobs job list --since 5m /,
    );
    expect(stderr).toContain('--profile default): cannot reach ');
  });

  it('repeats the request after a gateway timeout of a proxy', async () => {
    server.on('POST pushy/jobs', { status: 504, bytes: Buffer.from('<html>Gateway Time-out</html>') });

    expect((await start()).stderr).toContain('unknown whether the job was started');
    expect(posts()).toHaveLength(2);
  });

  it('does not repeat the request if it was not sent or the server reports an error', async () => {
    const unreachable = ['--server-url', 'http://127.0.0.1:1/organizations/acme'];
    const unsent = await cli.run(['job', 'start', 'x', 'a', ...unreachable]);
    expect(unsent.stderr).toMatch(/^ERROR: cannot reach http:\/\/127\.0\.0\.1:1.*ECONNREFUSED.*\n$/);

    server.on('POST pushy/jobs', { status: 502, json: { error: ['Failed to connect to erchef'] } });
    expect((await start()).stderr).not.toContain('unknown whether');
    expect(posts()).toHaveLength(1);
  });

  it('stops waiting after Ctrl-C and says that the job may have been started', async () => {
    const requested = deferred();
    server.on('POST pushy/jobs', () => {
      requested.resolve();
      return new Promise<never>(() => undefined);
    });
    const outcome = await cli.run(['job', 'start', 'x', 'a'], { interruptOn: requested.promise });

    expect(outcome).toMatchObject({ code: 130, stdout: '' });
    expect(outcome.stderr).toContain('(to check, run: push-jobs job list --since 5m): the request to');
    expect(posts()).toHaveLength(1);
  });
});

describe('job start with piped output', () => {
  it('prints progress as plain lines, then the outcome', async () => {
    acceptJobs()
      .on(FEED, { feed: feedText(runEvents({ web1: 'succeeded', web2: 'succeeded' })) })
      .on(JOB, { json: stubJob({ succeeded: ['web1', 'web2'] }) });
    const outcome = await cli.run(['job', 'start', 'chef-client', 'web1', 'web2']);

    expect(outcome).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        `Started.  Job ID: ${JOB_ID}`,
        'Voting.',
        'Running (2/2 in progress) ...',
        'Complete. All 2 nodes succeeded.',
        '',
      ].join('\n'),
    });
  });

  it('names the failed nodes of a complete job', async () => {
    jobEndsAs(stubJob({ succeeded: ['web1'], failed: ['db1', 'db0'], unavailable: ['web9'] }));
    const outcome = await cli.run(['job', 'start', 'chef-client', 'a']);

    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toContain(
      'Complete. 1 of 4 nodes succeeded, 2 failed, 1 unavailable.\n  failed: db0, db1\n  unavailable: web9\n',
    );
  });

  it.each<[string, number, Job]>([
    ['all nodes succeeded', 0, stubJob({ succeeded: ['a'] })],
    ['some nodes did not take part', 0, stubJob({ succeeded: ['a'], nacked: ['b'], unavailable: ['c'] })],
    ['one node crashed', 1, stubJob({ succeeded: ['a'], crashed: ['b'] })],
    ['one node was aborted', 1, stubJob({ succeeded: ['a'], aborted: ['b'] })],
    ['the quorum failed', 1, stubJob({ was_ready: ['a'], unavailable: ['b'] }, { status: 'quorum_failed' })],
    ['the job timed out', 1, stubJob({ timed_out: ['a'] }, { status: 'timed_out' })],
    ['the job was aborted', 1, stubJob({ aborted: ['a'] }, { status: 'aborted' })],
  ])('exits like knife if %s: %d', async (_what, code, job) => {
    jobEndsAs(job);
    expect(await cli.run(['job', 'start', 'x', 'a'])).toMatchObject({ code });
  });

  it('polls the job if there is no feed', async () => {
    acceptJobs().on(
      JOB,
      { json: stubJob({ new: ['a', 'b'] }, { status: 'voting' }) },
      { json: stubJob({ running: ['a', 'b'] }, { status: 'running' }) },
      { json: stubJob({ running: ['b'], succeeded: ['a'] }, { status: 'running' }) },
      { json: stubJob({ succeeded: ['a', 'b'] }) },
    );
    const outcome = await cli.run(['job', 'start', 'x', 'a', 'b', '--poll-interval', '0.01']);

    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain(
      'Voting.\nRunning (2/2 in progress) ...\nRunning (1/2 in progress) ...\nComplete. All 2 nodes succeeded.\n',
    );
  });

  it('continues after a temporary server error', async () => {
    acceptJobs().on(
      JOB,
      { status: 503, json: { error: 'not now' } },
      { json: stubJob({ succeeded: ['a'] }) },
    );

    expect(await cli.run(['job', 'start', 'x', 'a', '--poll-interval', '0.01'])).toMatchObject({ code: 0 });
  });

  it('leaves the job running after Ctrl-C and says how to follow it', async () => {
    acceptJobs().on(FEED, { feed: feedText([startEvent(1)]), then: 'hold' });
    const outcome = await cli.run(['job', 'start', 'x', 'a', '--profile', 'default'], {
      interruptAt: 'Voting.',
    });

    expect(outcome).toEqual({
      code: 130,
      stdout: `Started.  Job ID: ${JOB_ID}\nVoting.\n`,
      stderr: [
        'Stopped waiting; the job continues.',
        `  To follow it: push-jobs job watch ${JOB_ID} --profile default`,
        `  To abort it:  push-jobs job abort ${JOB_ID} --profile default`,
        '',
      ].join('\n'),
    });
  });
});
