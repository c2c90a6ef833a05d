import { describe, expect, it } from 'vitest';
import { feedText, JOB_ID, stubJob, runEvents } from '../../support/stub-job.js';
import { useStubbedCli } from '../../support/use-stubbed-cli.js';

const { cli, server } = useStubbedCli();

const JOB = `GET pushy/jobs/${JOB_ID}`;
const RERUN_ID = 'd'.repeat(32);

describe('job rerun', () => {
  const acceptRerun = () =>
    server.on('POST pushy/jobs', { status: 201, json: { uri: `${server.url}/pushy/jobs/${RERUN_ID}` } });

  it('starts the same job on the nodes that did not succeed and waits for its end', async () => {
    acceptRerun()
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
      .on(`GET pushy/job_status_feed/${RERUN_ID}`, {
        feed: feedText(runEvents({ web2: 'succeeded', web1: 'succeeded', db: 'succeeded' })),
      })
      .on(`GET pushy/jobs/${RERUN_ID}`, { json: stubJob({ succeeded: ['db', 'web1', 'web2'] }) });
    const { code, stdout } = await cli.run(['job', 'rerun', JOB_ID]);

    expect(code).toBe(0);
    expect(stdout).toContain(`Started.  Job ID: ${RERUN_ID}\n`);
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

  it('accepts --quorum and --nowait', async () => {
    acceptRerun().on(JOB, { json: stubJob({ failed: ['a', 'b', 'c', 'd'] }) });

    expect(await cli.run(['job', 'rerun', JOB_ID, '-q', '50%', '--nowait', '--quiet'])).toEqual({
      code: 0,
      stdout: `${RERUN_ID}\n`,
      stderr: '',
    });
    expect(server.requestsOf('POST pushy/jobs')[0]?.body).toMatchObject({ quorum: 2 });
  });

  it('starts no job if all nodes succeeded', async () => {
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
      'a job that is running',
      stubJob({ running: ['a'] }, { status: 'running' }),
      'is running: wait for its end (job watch)',
    ],
    [
      'a job whose file the server does not return',
      stubJob({ failed: ['a'] }, { file_specified: true }),
      'does not return the file',
    ],
  ])('rejects %s', async (_what, job, text) => {
    server.on(JOB, { json: job });
    const outcome = await cli.run(['job', 'rerun', JOB_ID]);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain(text);
    expect(server.requestsOf('POST pushy/jobs')).toEqual([]);
  });
});
