import { describe, expect, it } from 'vitest';
import { feedText, JOB_ID, stubJob, runEvents } from '../../support/stub-job.js';
import { useStubbedCli } from '../../support/use-stubbed-cli.js';

const { cli, server } = useStubbedCli();

const JOB = `GET pushy/jobs/${JOB_ID}`;
const FEED = `GET pushy/job_status_feed/${JOB_ID}`;
const output = (node: string, channel: string) => `${JOB}/output/${node}/${channel}`;
const captured = (node: string, stdout: string, stderr = '') =>
  server
    .on(output(node, 'stdout'), { bytes: Buffer.from(stdout) })
    .on(output(node, 'stderr'), { bytes: Buffer.from(stderr) });

describe('--show-output', () => {
  const jobOfTwo = () =>
    server
      .on('POST pushy/jobs', { status: 201, json: { uri: `${server.url}/pushy/jobs/${JOB_ID}` } })
      .on(FEED, { feed: feedText(runEvents({ web1: 'succeeded', db1: 'failed' })) })
      .on(JOB, { json: stubJob({ succeeded: ['web1'], failed: ['db1'] }, { capture_output: true }) });

  it('captures the output and prints it with the node name before each line', async () => {
    jobOfTwo();
    captured('web1', 'one\ntwo\tthree\r\n');
    captured('db1', '', 'no \u001b[31mdisk\u001b[0m');
    const { code, stdout } = await cli.run(['job', 'start', 'x', 'web1', 'db1', '--show-output']);

    expect(code).toBe(1);
    expect(server.requestsOf('POST pushy/jobs')[0]?.body).toMatchObject({ capture_output: true });
    expect(stdout).toContain('web1 | one\nweb1 | two\tthree\n');
    expect(stdout).toContain('db1 stderr | no \\u001b[31mdisk\\u001b[0m\n');
    expect(stdout).toMatch(
      /Complete\. 1 of 2 nodes succeeded, 1 failed\.\n {2}failed: db1\nWhy: push-jobs job status \w+\n$/,
    );
  });

  it('works with polling, and retries output that was not available at first', async () => {
    server.on(
      JOB,
      { json: stubJob({ running: ['b'], succeeded: ['a'] }, { status: 'running' }) },
      { json: stubJob({ succeeded: ['a', 'b'] }) },
    );
    server.on(
      output('a', 'stdout'),
      { status: 404, json: { error: ['not yet'] } },
      { bytes: Buffer.from('A') },
    );
    server.on(output('a', 'stderr'), { bytes: Buffer.alloc(0) });
    captured('b', 'B');
    const { stdout } = await cli.run(['job', 'watch', JOB_ID, '--show-output', '--poll-interval', '0.01']);

    expect(stdout).toContain('a | A\n');
    expect(stdout).toContain('b | B\n');
    expect(server.requestsOf(output('b', 'stdout'))).toHaveLength(1);
  });

  it('says that a node lost its output', async () => {
    const job = { ...stubJob({ succeeded: ['web1'], unavailable: ['db1'] }), capture_output: true as const };
    server.on(JOB, { json: { ...job, status: 'running', nodes: { running: ['web1'] } } }, { json: job });
    const { stdout } = await cli.run(['job', 'watch', JOB_ID, '--show-output', '--poll-interval', '0.01']);

    expect(stdout).toMatch(/^web1 \| sent no output, although the job captures it; probably it was longer/m);
    expect(stdout).not.toContain('db1 | ');
  });

  it('says that the job does not capture output', async () => {
    server
      .on(FEED, { feed: feedText(runEvents({ web1: 'succeeded' })) })
      .on(JOB, { json: stubJob({ succeeded: ['web1'] }) });
    const { code, stdout, stderr } = await cli.run(['job', 'watch', JOB_ID, '--show-output']);

    expect(code).toBe(0);
    expect(stderr).toContain('The output of this job is not captured');
    expect(stdout).toContain('Complete. All 1 node succeeded.\n');
  });

  it('prints output above the progress line on a terminal', async () => {
    jobOfTwo();
    captured('web1', 'one\n');
    captured('db1', '');
    const { stdout } = await cli.run(['job', 'watch', JOB_ID, '--show-output'], { columns: 100 });

    expect(stdout).toContain('\r\u001b[2Kweb1 | one\n');
    expect(stdout).not.toContain('] 1/2 nodes done, 1 running web1');
  });

  it('exits after Ctrl-C even if the server does not respond', async () => {
    jobOfTwo();
    captured('db1', 'done\n');
    server.on(output('web1', 'stdout'), () => new Promise<never>(() => undefined));
    const { code, stdout } = await cli.run(['job', 'start', 'x', 'web1', 'db1', '--show-output'], {
      interruptAt: 'db1 | done',
    });

    expect(code).toBe(1);
    expect(stdout).toContain('Complete. 1 of 2 nodes succeeded');
  });

  it('prints output to standard error with --format', async () => {
    jobOfTwo();
    captured('web1', 'one\n');
    captured('db1', '');
    const outcome = await cli.run(['job', 'watch', JOB_ID, '--show-output', '--format', 'json']);

    expect(JSON.parse(outcome.stdout)).toMatchObject({ id: JOB_ID });
    expect(outcome.stderr).toContain('web1 | one\n');
  });

  it('prints only the output and the outcome with --quiet', async () => {
    jobOfTwo();
    captured('web1', 'one\n');
    captured('db1', '');

    expect((await cli.run(['job', 'start', 'x', 'web1', 'db1', '--show-output', '--quiet'])).stdout).toBe(
      'web1 | one\nComplete. 1 of 2 nodes succeeded, 1 failed.\n  failed: db1\n',
    );
  });
});
