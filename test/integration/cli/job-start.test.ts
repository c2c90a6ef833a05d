import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Job } from '../../../src/shared/protocol/rest-schemas.js';
import { feedText, JOB_ID, stubJob, runEvents } from '../../support/stub-job.js';
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

const sentJob = () => server.requestsOf('POST pushy/jobs')[0]?.body;

describe('the request of job start', () => {
  const start = async (...args: string[]) => {
    acceptJobs();
    const outcome = await cli.run(['job', 'start', ...args, '--nowait']);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    return sentJob();
  };

  it('contains the command, each node once, and a quorum of all nodes', async () => {
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
  ])('contains a quorum of %s of three nodes as %d', async (quorum, sent) => {
    expect(await start('x', 'a', 'b', 'c', '-q', quorum)).toMatchObject({ quorum: sent });
  });

  it('contains timeout, capture, user and folder', async () => {
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

  it('contains environment variables', async () => {
    expect(await start('x', 'a', '--with-env', '{"A":"1","ü":"ö"}')).toMatchObject({
      env: { A: '1', ü: 'ö' },
    });
  });

  it('contains a text file as text and any other file in base64', async () => {
    writeFileSync(join(cli.cwd, 'text'), 'héllo\n');
    writeFileSync(join(cli.cwd, 'binary'), Buffer.from([0xff, 0x00]));
    writeFileSync(join(cli.cwd, 'with-nul'), 'a\0b');

    expect(await start('x', 'a', '--file', 'text')).toMatchObject({ file: 'raw:héllo\n' });
    server.reset();
    expect(await start('x', 'a', '--file', 'binary')).toMatchObject({ file: 'base64:/wA=' });
    server.reset();
    expect(await start('x', 'a', '--file', 'with-nul')).toMatchObject({ file: 'base64:YQBi' });
  });

  it('contains all nodes of a search with several pages', async () => {
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

describe('job start with invalid arguments', () => {
  it.each([
    ['no command', [], 1, 'ERROR: No job specified.\n'],
    [
      'no nodes',
      ['x'],
      1,
      'ERROR: No nodes to run job on. Specify nodes as arguments or use -s to specify a search query.\n',
    ],
    [
      'a quorum that is not a number',
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
    ['a list as environment', ['x', 'a', '--with-env', '[]'], 1, 'ERROR: --with-env is invalid: '],
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
      'a timeout that is not a number',
      ['x', 'a', '--timeout', 'soon'],
      2,
      'ERROR: --timeout must be a whole number from 0 to',
    ],
    [
      'a poll interval of 0',
      ['x', 'a', '--poll-interval', '0'],
      2,
      'ERROR: --poll-interval must be a number of seconds',
    ],
    [
      'both nodes and a search',
      ['x', 'a', '-s', 'b'],
      2,
      'ERROR: use either node names or --search, not both',
    ],
    [
      'an option twice',
      ['x', 'a', '--timeout', '1', '--timeout', '2'],
      2,
      '--timeout was given more than once',
    ],
    [
      '--output with --nowait',
      ['x', 'a', '--output', '--nowait'],
      2,
      'ERROR: --nowait cannot be used with --output; use --capture to keep the output on the server',
    ],
    ['an unknown option', ['x', 'a', '--fast'], 2, 'ERROR: Unknown argument: fast\nTry: push-jobs --help\n'],
    [
      'an option without its value',
      ['x', 'a', '--timeout'],
      2,
      'ERROR: Not enough arguments following: timeout',
    ],
  ])('reports %s', async (_what, args, code, text) => {
    const outcome = await cli.run(['job', 'start', ...args]);

    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr).toContain(text);
    expect(outcome.stderr).not.toMatch(/^\s+at /m);
    expect(server.requests).toEqual([]);
  });

  it('rejects a file that is too large', async () => {
    writeFileSync(join(cli.cwd, 'large'), Buffer.alloc(100_001, 'a'));
    const outcome = await cli.run(['job', 'start', 'x', 'a', '--file', 'large']);

    expect(outcome).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('large has 100001 bytes') as string,
    });
  });

  it('names the search that found no nodes', async () => {
    server.on('POST search/node', { json: { total: 0, start: 0, rows: [] } });
    const outcome = await cli.run(['job', 'start', 'x', '-s', 'role:none']);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain("The search 'role:none' found no nodes. No nodes to run job on.");
  });

  it('prints the error of the server if it rejects the job', async () => {
    server.on('POST pushy/jobs', { status: 400, json: { error: 'invalid command supplied' } });
    const outcome = await cli.run(['job', 'start', 'x', 'a']);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toBe(`ERROR: ${server.url}/pushy/jobs: invalid command supplied (status 400)\n`);
  });
});

describe('job start --format', () => {
  it('prints only the job on standard output, and progress on standard error', async () => {
    const job = stubJob({ succeeded: ['a'], failed: ['b'] });
    jobEndsAs(job);
    const outcome = await cli.run(['job', 'start', 'x', 'a', 'b', '--format', 'json']);

    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout)).toEqual(job);
    expect(outcome.stderr).toContain(`Started.  Job ID: ${JOB_ID}\n`);
  });

  it('prints ID and URI of the job with --nowait', async () => {
    acceptJobs();
    const outcome = await cli.run(['job', 'start', 'x', 'a', '-b', '--format', 'yaml']);

    expect(parse(outcome.stdout)).toEqual({ id: JOB_ID, uri: `${server.url}/pushy/jobs/${JOB_ID}` });
  });
});
