import { describe, expect, it } from 'vitest';
import { JOB_ID, stubJob } from '../../support/stub-job.js';
import { useStubbedCli } from '../../support/use-stubbed-cli.js';

const { cli, server } = useStubbedCli();

const JOB = `GET pushy/jobs/${JOB_ID}`;
const ABORT = `POST pushy/jobs/${JOB_ID}/abort`;

describe('job abort', () => {
  it('aborts a job and prints its outcome', async () => {
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

  it('prints the error of the server if the job has already ended', async () => {
    server.on(ABORT, { status: 409, json: { error: ['the job has ended already'] } });
    const outcome = await cli.run(['job', 'abort', JOB_ID]);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('the job has ended already (status 409)');
  });

  it('distinguishes an unknown job from a server that cannot abort jobs', async () => {
    expect((await cli.run(['job', 'abort', JOB_ID])).stderr).toContain('not found (status 404)');

    server.on(JOB, { json: stubJob({ running: ['a'] }, { status: 'running' }) });
    const outcome = await cli.run(['job', 'abort', JOB_ID]);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain(`the server is too old to abort jobs; job ${JOB_ID} is running`);
  });
});
