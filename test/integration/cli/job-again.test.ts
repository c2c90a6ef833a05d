import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CliUnderTest } from '../../support/cli-under-test.js';
import { feedText, JOB_ID, stubJob, wholeRun } from '../../support/stub-job.js';
import { StubPushyServer } from '../../support/stub-pushy-server.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

let server: StubPushyServer;
let cli: CliUnderTest;

const JOB = `GET pushy/jobs/${JOB_ID}`;
const ABORT = `POST pushy/jobs/${JOB_ID}/abort`;
const AGAIN = 'd'.repeat(32);

beforeAll(async () => {
  server = await StubPushyServer.start('alice', publicKey);
  cli = new CliUnderTest();
  cli.writeCredentials(server.url, 'alice', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
});
beforeEach(() => server.reset());
afterAll(async () => {
  cli.remove();
  await server.close();
});

describe('job abort', () => {
  it('ends a job and says how it ended', async () => {
    const job = stubJob({ succeeded: ['a'], aborted: ['b', 'c'] }, { status: 'aborted' });
    server.on(ABORT, { json: job });

    expect(await cli.run(['job', 'abort', JOB_ID])).toEqual({
      code: 0,
      stdout: 'Aborted. 1 of 3 nodes succeeded, 2 aborted.\n  aborted: b, c\n',
      stderr: '',
    });
    const { stdout } = await cli.run(['job', 'abort', JOB_ID, '--format', 'json']);
    expect(JSON.parse(stdout)).toEqual(job);
  });

  it('says that the job has ended before', async () => {
    server.on(ABORT, { status: 409, json: { error: ['the job has ended already'] } });
    const outcome = await cli.run(['job', 'abort', JOB_ID]);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('the job has ended already (status 409)');
  });

  it('tells a job that nobody knows from a server that cannot abort any', async () => {
    expect((await cli.run(['job', 'abort', JOB_ID])).stderr).toContain('not found (status 404)');

    server.on(JOB, { json: stubJob({ running: ['a'] }, { status: 'running' }) });
    const outcome = await cli.run(['job', 'abort', JOB_ID]);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('the server knows the job, which is running, but not how to abort one');
  });
});

describe('job rerun', () => {
  const acceptAgain = () =>
    server.on('POST pushy/jobs', { status: 201, json: { uri: `${server.url}/pushy/jobs/${AGAIN}` } });

  it('starts the same job on the nodes that did not succeed, and waits for it', async () => {
    acceptAgain()
      .on(JOB, {
        json: stubJob(
          { succeeded: ['ok'], failed: ['web2'], unavailable: ['web1'], nacked: ['db'] },
          {
            command: 'deploy',
            run_timeout: 60,
            user: 'app',
            dir: '/srv',
            env: { A: '1' },
            file: 'raw:text',
            capture_output: true,
          },
        ),
      })
      .on(`GET pushy/job_status_feed/${AGAIN}`, {
        feed: feedText(wholeRun({ web2: 'succeeded', web1: 'succeeded', db: 'succeeded' })),
      })
      .on(`GET pushy/jobs/${AGAIN}`, { json: stubJob({ succeeded: ['db', 'web1', 'web2'] }) });
    const { code, stdout } = await cli.run(['job', 'rerun', JOB_ID]);

    expect(code).toBe(0);
    expect(stdout).toContain(`Started.  Job ID: ${AGAIN}\n`);
    expect(stdout).toContain('Complete. All 3 nodes succeeded.\n');
    expect(server.requestsOf(JOB)[0]?.query.get('include_file')).toBe('true');
    expect(server.requestsOf('POST pushy/jobs').map(({ body }) => body)).toEqual([
      {
        command: 'deploy',
        nodes: ['db', 'web1', 'web2'],
        quorum: 3,
        run_timeout: 60,
        user: 'app',
        dir: '/srv',
        env: { A: '1' },
        file: 'raw:text',
        capture_output: true,
      },
    ]);
  });

  it('takes a quorum of its own, and need not wait', async () => {
    acceptAgain().on(JOB, { json: stubJob({ failed: ['a', 'b', 'c', 'd'] }) });

    expect(await cli.run(['job', 'rerun', JOB_ID, '-q', '50%', '--nowait', '--quiet'])).toEqual({
      code: 0,
      stdout: `${AGAIN}\n`,
      stderr: '',
    });
    expect(server.requestsOf('POST pushy/jobs')[0]?.body).toMatchObject({ quorum: 2 });
  });

  it('does nothing where all succeeded', async () => {
    server.on(JOB, { json: stubJob({ succeeded: ['a'] }) });

    expect(await cli.run(['job', 'rerun', JOB_ID])).toEqual({
      code: 0,
      stdout: 'There is nothing to run again.\nComplete. All 1 node succeeded.\n',
      stderr: '',
    });
    expect(server.requestsOf('POST pushy/jobs')).toEqual([]);
  });

  it.each([
    [
      'a job that goes on',
      stubJob({ running: ['a'] }, { status: 'running' }),
      'is running: wait for its end with job watch',
    ],
    [
      'a file that the server keeps to itself',
      stubJob({ failed: ['a'] }, { file_specified: true }),
      'does not hand out the file',
    ],
  ])('refuses %s', async (_what, job, text) => {
    server.on(JOB, { json: job });
    const outcome = await cli.run(['job', 'rerun', JOB_ID]);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain(text);
    expect(server.requestsOf('POST pushy/jobs')).toEqual([]);
  });
});
