import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { deferred } from '../../../src/shared/lib/deferred.js';
import type { Job } from '../../../src/shared/protocol/rest-schemas.js';
import { CliUnderTest } from '../../support/cli-under-test.js';
import { feedText, JOB_ID, startEvent, stubJob, wholeRun } from '../../support/stub-job.js';
import { StubPushyServer } from '../../support/stub-pushy-server.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let server: StubPushyServer;
let cli: CliUnderTest;

const FEED = `GET pushy/job_status_feed/${JOB_ID}`;
const JOB = `GET pushy/jobs/${JOB_ID}`;

const acceptJobs = () =>
  server.on('POST pushy/jobs', { status: 201, json: { uri: `${server.url}/pushy/jobs/${JOB_ID}` } });

/** A job that has ended so by the time it is asked for. */
const jobEndsAs = (job: Job) =>
  acceptJobs()
    .on(FEED, { feed: feedText(wholeRun({})) })
    .on(JOB, { json: job });

const sentJob = () => server.requestsOf('POST pushy/jobs')[0]?.body;

beforeAll(async () => {
  server = await StubPushyServer.start('alice', publicKey);
  cli = new CliUnderTest();
  cli.writeCredentials(server.url, 'alice', pem);
});
beforeEach(() => server.reset());
afterAll(async () => {
  cli.remove();
  await server.close();
});

describe('job start: what is sent', () => {
  const start = async (...args: string[]) => {
    acceptJobs();
    const outcome = await cli.run(['job', 'start', ...args, '--nowait']);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    return sentJob();
  };

  it('sends the command, each node once, and a quorum of all of them', async () => {
    expect(await start('chef-client', 'web1', '007', 'web1')).toEqual({
      command: 'chef-client',
      nodes: ['web1', '007'],
      quorum: 2,
    });
  });

  it.each([
    ['2', 2],
    ['50%', 2],
    ['34%', 2],
    ['33%', 1],
    ['0', 0],
  ])('sends a quorum of %s of three nodes as %d', async (quorum, sent) => {
    expect(await start('x', 'a', 'b', 'c', '-q', quorum)).toMatchObject({ quorum: sent });
  });

  it('sends time-out, capture, user and folder', async () => {
    const options = ['--timeout', '300', '--capture', '--as-user', 'deploy', '--in-dir', '/srv'];
    expect(await start('x', 'a', ...options)).toEqual({
      command: 'x',
      nodes: ['a'],
      quorum: 1,
      run_timeout: 300,
      capture_output: true,
      user: 'deploy',
      dir: '/srv',
    });
  });

  it('sends environment variables', async () => {
    expect(await start('x', 'a', '--with-env', '{"A":"1","ü":"ö"}')).toMatchObject({
      env: { A: '1', ü: 'ö' },
    });
  });

  it('sends a text file as it is, and any other in base64', async () => {
    writeFileSync(join(cli.cwd, 'text'), 'héllo\n');
    writeFileSync(join(cli.cwd, 'binary'), Buffer.from([0xff, 0x00]));
    writeFileSync(join(cli.cwd, 'with-nul'), 'a\0b');

    expect(await start('x', 'a', '--file', 'text')).toMatchObject({ file: 'raw:héllo\n' });
    server.reset();
    expect(await start('x', 'a', '--file', 'binary')).toMatchObject({ file: 'base64:/wA=' });
    server.reset();
    expect(await start('x', 'a', '--file', 'with-nul')).toMatchObject({ file: 'base64:YQBi' });
  });

  it('runs on the nodes that a search finds, page by page', async () => {
    const all = Array.from({ length: 1500 }, (_, index) => `node${String(index).padStart(4, '0')}`);
    server.on('POST search/node', ({ query }) => {
      const first = Number(query.get('start'));
      const rows = all.slice(first, first + Number(query.get('rows')));
      return {
        json: { total: all.length, start: first, rows: rows.map((name) => ({ url: '', data: { name } })) },
      };
    });

    expect(await start('x', '-s', 'role:web AND os:linux')).toEqual({
      command: 'x',
      nodes: all,
      quorum: 1500,
    });
    expect(server.requestsOf('POST search/node').map(({ query }) => query.get('q'))).toEqual([
      'role:web AND os:linux',
      'role:web AND os:linux',
    ]);
  });
});

describe('job start: what is wrong with the command line', () => {
  it.each([
    ['no command', [], 1, 'ERROR: No job specified.\n'],
    [
      'no nodes',
      ['x'],
      1,
      'ERROR: No nodes to run job on. Specify nodes as arguments or use -s to specify a search query.\n',
    ],
    [
      'a quorum in words',
      ['x', 'a', '-q', 'half'],
      1,
      'ERROR: Invalid Format please enter integer or percent\n',
    ],
    [
      'a fraction as quorum',
      ['x', 'a', '-q', '1.5%'],
      1,
      'ERROR: Invalid Format please enter integer or percent\n',
    ],
    ['a missing file', ['x', 'a', '--file', 'no-such'], 1, 'ERROR: cannot read the file no-such: ENOENT'],
    ['bad JSON', ['x', 'a', '--with-env', '{A:1}'], 1, 'ERROR: --with-env is not JSON: '],
    ['a list as environment', ['x', 'a', '--with-env', '[]'], 1, 'ERROR: --with-env is not right: '],
    [
      'a number in the environment',
      ['x', 'a', '--with-env', '{"A":1}'],
      1,
      "the value of 'A' is not a string",
    ],
    [
      'a variable twice',
      ['x', 'a', '--with-env', '{"A":"1","B":"2","\\u0041":"3"}'],
      1,
      "ERROR: --with-env: 'A' is given more than once",
    ],
    [
      'a time-out in words',
      ['x', 'a', '--timeout', 'soon'],
      2,
      'ERROR: --timeout must be a whole number from 0 to',
    ],
    [
      'no poll interval',
      ['x', 'a', '--poll-interval', '0'],
      2,
      'ERROR: --poll-interval must be a number of seconds',
    ],
    [
      'both nodes and a search',
      ['x', 'a', '-s', 'b'],
      2,
      'ERROR: give either names of nodes or --search, not both',
    ],
    [
      'an option twice',
      ['x', 'a', '--timeout', '1', '--timeout', '2'],
      2,
      '--timeout was given more than once',
    ],
    [
      'output of a job that is not waited for',
      ['x', 'a', '--output', '--nowait'],
      2,
      'ERROR: --nowait does not go with --output; to keep the output for later, give --capture',
    ],
    ['an unknown option', ['x', 'a', '--fast'], 2, 'ERROR: Unknown argument: fast\nTry: push-jobs --help\n'],
    [
      'an option without its value',
      ['x', 'a', '--timeout'],
      2,
      'ERROR: Not enough arguments following: timeout',
    ],
  ])('says so: %s', async (_what, args, code, text) => {
    const outcome = await cli.run(['job', 'start', ...args]);

    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr).toContain(text);
    expect(outcome.stderr).not.toMatch(/^\s+at /m);
    expect(server.requests).toEqual([]);
  });

  it('refuses a file that is too large for a job', async () => {
    writeFileSync(join(cli.cwd, 'large'), Buffer.alloc(100_001, 'a'));
    const outcome = await cli.run(['job', 'start', 'x', 'a', '--file', 'large']);

    expect(outcome).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('large has 100001 bytes') as string,
    });
  });

  it('says which search found nothing', async () => {
    server.on('POST search/node', { json: { total: 0, start: 0, rows: [] } });
    const outcome = await cli.run(['job', 'start', 'x', '-s', 'role:none']);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain("The search 'role:none' found no nodes. No nodes to run job on.");
  });

  it('shows what the server said to a refused job', async () => {
    server.on('POST pushy/jobs', { status: 400, json: { error: 'invalid command supplied' } });
    const outcome = await cli.run(['job', 'start', 'x', 'a']);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toBe(`ERROR: ${server.url}/pushy/jobs: invalid command supplied (status 400)\n`);
  });
});

describe('job start: an answer that is lost', () => {
  const CUT_OFF = { status: 201, feed: '{', then: 'break' } as const;
  const posts = () => server.requestsOf('POST pushy/jobs');
  const start = () => cli.run(['job', 'start', 'x', 'a', '--nowait', '--profile', 'default']);

  it('is asked for again, by a key that keeps the server from starting a second job', async () => {
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
      stdout: `The answer was lost; asking whether the job was started.\nStarted.  Job ID: ${JOB_ID}\n`,
    });
    const job = { command: 'x', nodes: ['a'], quorum: 1 };
    expect(posts().map(({ body }) => body)).toEqual([job, { ...job, dry_run: true }, job]);
    const [first, , second] = posts().map(({ headers }) => headers['idempotency-key']);
    expect(first).toMatch(/^[\x21-\x7e]{16,255}$/);
    expect(second).toBe(first);
  });

  it('is not asked for again where the server does not know such keys, which would start a second job', async () => {
    server.on('POST pushy/jobs', CUT_OFF, { status: 400, json: { error: 'invalid key supplied' } });
    const { code, stderr } = await start();

    expect(code).toBe(1);
    expect(posts().map(({ body }) => 'dry_run' in (body as object))).toEqual([false, true]);
    expect(stderr).toMatch(
      /^ERROR: it is not known whether the job was started \(push-jobs job list --since 5m /,
    );
    expect(stderr).toContain('--profile default would show it): cannot reach ');
  });

  it('that a proxy in between did not get is one, too', async () => {
    server.on('POST pushy/jobs', { status: 504, bytes: Buffer.from('<html>Gateway Time-out</html>') });

    expect((await start()).stderr).toContain('not known whether the job was started');
    expect(posts()).toHaveLength(2);
  });

  it('is not feared where nothing was sent, or the server says that it did nothing', async () => {
    const nowhere = ['--server-url', 'http://127.0.0.1:1/organizations/acme'];
    const unsent = await cli.run(['job', 'start', 'x', 'a', ...nowhere]);
    expect(unsent.stderr).toMatch(/^ERROR: cannot reach http:\/\/127\.0\.0\.1:1.*ECONNREFUSED.*\n$/);

    server.on('POST pushy/jobs', { status: 502, json: { error: ['Failed to connect to erchef'] } });
    expect((await start()).stderr).not.toContain('not known');
    expect(posts()).toHaveLength(1);
  });

  it('is waited for no longer after Ctrl-C, which says that the job may run', async () => {
    const asked = deferred();
    server.on('POST pushy/jobs', () => {
      asked.resolve();
      return new Promise<never>(() => undefined);
    });
    const outcome = await cli.run(['job', 'start', 'x', 'a'], { interruptOn: asked.promise });

    expect(outcome).toMatchObject({ code: 130, stdout: '' });
    expect(outcome.stderr).toContain('(push-jobs job list --since 5m would show it): the request to');
    expect(posts()).toHaveLength(1);
  });
});

describe('job start: waiting, piped', () => {
  it('prints the steps of the job in plain lines and how it ended', async () => {
    acceptJobs()
      .on(FEED, { feed: feedText(wholeRun({ web1: 'succeeded', web2: 'succeeded' })) })
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

  it('says plainly which nodes failed though the job is complete', async () => {
    jobEndsAs(stubJob({ succeeded: ['web1'], failed: ['db1', 'db0'], unavailable: ['web9'] }));
    const outcome = await cli.run(['job', 'start', 'chef-client', 'a']);

    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toContain(
      'Complete. 1 of 4 nodes succeeded, 2 failed, 1 unavailable.\n  failed: db0, db1\n  unavailable: web9\n',
    );
  });

  it.each<[string, number, Job]>([
    ['all succeeded', 0, stubJob({ succeeded: ['a'] })],
    ['some did not take part', 0, stubJob({ succeeded: ['a'], nacked: ['b'], unavailable: ['c'] })],
    ['one crashed', 1, stubJob({ succeeded: ['a'], crashed: ['b'] })],
    ['one was aborted', 1, stubJob({ succeeded: ['a'], aborted: ['b'] })],
    ['the quorum failed', 1, stubJob({ was_ready: ['a'], unavailable: ['b'] }, { status: 'quorum_failed' })],
    ['time ran out', 1, stubJob({ timed_out: ['a'] }, { status: 'timed_out' })],
    ['the job was aborted', 1, stubJob({ aborted: ['a'] }, { status: 'aborted' })],
  ])('ends with the exit code of knife where %s: %d', async (_what, code, job) => {
    jobEndsAs(job);
    expect(await cli.run(['job', 'start', 'x', 'a'])).toMatchObject({ code });
  });

  it('polls where there is no feed', async () => {
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

  it('lives through a server that is in trouble for a while', async () => {
    acceptJobs().on(
      JOB,
      { status: 503, json: { error: 'not now' } },
      { json: stubJob({ succeeded: ['a'] }) },
    );

    expect(await cli.run(['job', 'start', 'x', 'a', '--poll-interval', '0.01'])).toMatchObject({ code: 0 });
  });

  it('leaves the job running at Ctrl-C and says how to follow it', async () => {
    acceptJobs().on(FEED, { feed: feedText([startEvent(1)]), then: 'hold' });
    const outcome = await cli.run(['job', 'start', 'x', 'a', '--profile', 'default'], {
      interruptAt: 'Voting.',
    });

    expect(outcome).toEqual({
      code: 130,
      stdout: `Started.  Job ID: ${JOB_ID}\nVoting.\n`,
      stderr: [
        'No longer waiting; the job goes on.',
        `  To follow it: push-jobs job watch ${JOB_ID} --profile default`,
        `  To abort it:  push-jobs job abort ${JOB_ID} --profile default`,
        '',
      ].join('\n'),
    });
  });
});

describe('job start: documents for programs', () => {
  it('gives the job alone as JSON, and the story on standard error', async () => {
    const job = stubJob({ succeeded: ['a'], failed: ['b'] });
    jobEndsAs(job);
    const outcome = await cli.run(['job', 'start', 'x', 'a', 'b', '--format', 'json']);

    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout)).toEqual(job);
    expect(outcome.stderr).toContain(`Started.  Job ID: ${JOB_ID}\n`);
  });

  it('gives id and address of a job that it does not wait for', async () => {
    acceptJobs();
    const outcome = await cli.run(['job', 'start', 'x', 'a', '-b', '--format', 'yaml']);

    expect(parse(outcome.stdout)).toEqual({ id: JOB_ID, uri: `${server.url}/pushy/jobs/${JOB_ID}` });
  });
});
