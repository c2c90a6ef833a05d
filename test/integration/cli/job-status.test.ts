import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { feedText, JOB_ID, stubJob, runEvents } from '../../support/stub-job.js';
import { useStubbedCli } from '../../support/use-stubbed-cli.js';

const { cli, server } = useStubbedCli();

const JOB = `GET pushy/jobs/${JOB_ID}`;
const captured = (...nodes: string[]) =>
  nodes.forEach((node) => server.on(`${JOB}/output/${node}/stderr`, { bytes: Buffer.alloc(0) }));

describe('job status', () => {
  const job = stubJob(
    { succeeded: ['web2', 'web1'], failed: ['db1'] },
    { user: 'deploy', env: { A: 'x\u001b[31m' }, capture_output: true },
  );

  it('prints the job and a table of its nodes, failures first', async () => {
    server.on(JOB, { json: job });
    captured('db1', 'web1', 'web2');
    const { code, stdout } = await cli.run(['job', 'status', JOB_ID]);

    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        `ID:           ${JOB_ID}`,
        'Command:      chef-client',
        'Status:       complete',
        'Timeout:      3600 s',
        'Created:      2026-11-22 08:51:46Z',
        'Updated:      2026-11-22 08:51:47Z',
        'As user:      deploy',
        'Environment:  A=x\\u001b[31m',
        'Output:       captured',
        '',
        'NODE  STATUS',
        'db1   failed',
        'web1  succeeded',
        'web2  succeeded',
        '',
      ].join('\n'),
    );
  });

  it('prints the job of the server as JSON or YAML', async () => {
    server.on(JOB, { json: job });

    expect(JSON.parse((await cli.run(['job', 'status', JOB_ID, '--format', 'json'])).stdout)).toEqual(job);
    expect(parse((await cli.run(['job', 'status', JOB_ID, '--format', 'yaml'])).stdout)).toEqual(job);
  });

  it('prints the details of each node, truncated to the width of the terminal', async () => {
    server.on(JOB, {
      json: {
        ...job,
        details: {
          created_by: 'bob',
          quorum: 2,
          nodes: [
            { node_name: 'db1', status: 'failed', exit_code: 2, duration_ms: 1234 },
            { node_name: 'web1', status: 'succeeded', exit_code: 0, duration_ms: 60_000 },
            {
              node_name: 'web2',
              status: 'succeeded',
              signal: 'SIGTERM',
              reason: 'a long story\nof what went wrong',
            },
          ],
        },
      },
    });
    captured('db1', 'web1', 'web2');
    const { stdout } = await cli.run(['job', 'status', JOB_ID], { columns: 50, env: { NO_COLOR: '1' } });

    expect(server.requests[0]?.query.get('details')).toBe('true');
    expect(stdout).toContain('Started by:   bob\nQuorum:       2 nodes\n');
    expect(stdout.split('\n').slice(-5)).toEqual([
      'NODE  STATUS     EXIT     TIME    REASON',
      'db1   failed     2        1.2 s',
      'web1  succeeded  0        60.0 s',
      'web2  succeeded  SIGTERM          a long story\\no…',
      '',
    ]);
  });

  it('prints since when nodes are silent, and late results', async () => {
    const nodes = [
      { node_name: 'db1', status: 'running', no_contact_since: '2026-11-22T08:00:00.000Z' },
      {
        node_name: 'web1',
        status: 'crashed',
        reason: 'no contact since 07:00',
        late_result: { status: 'failed', signal: 'SIGTERM', at: '2026-11-22T09:00:00.000Z' },
      },
    ];
    server.on(JOB, {
      json: {
        ...stubJob({ running: ['db1'], crashed: ['web1'] }),
        details: { created_by: 'bob', quorum: 1, nodes },
      },
    });

    const { stdout } = await cli.run(['job', 'status', JOB_ID]);
    expect(stdout).toContain('no contact since 2026-11-22 08:00:00Z\n');
    expect(stdout).toContain(
      'no contact since 07:00; late result: failed, SIGTERM, at 2026-11-22 09:00:00Z\n',
    );
  });

  it('names the nodes that sent no output although the job captures it', async () => {
    server.on(JOB, { json: job });
    captured('web1');
    const { stdout } = await cli.run(['job', 'status', JOB_ID]);

    expect(stdout).toMatch(
      /\n\nNo output from web2, db1, although the job captures it; probably it was longer than/,
    );

    server.reset();
    server.on(JOB, { json: stubJob({ succeeded: ['web1'] }) });
    expect((await cli.run(['job', 'status', JOB_ID])).stdout).not.toContain('No output');
    expect(server.requests).toHaveLength(1);
  });

  it('looks up no output for a job of many nodes', async () => {
    const nodes = Array.from({ length: 33 }, (_, index) => `n${index}`);
    server.on(JOB, { json: stubJob({ succeeded: nodes }, { capture_output: true }) });

    expect((await cli.run(['job', 'status', JOB_ID])).stdout).not.toContain('No output');
    expect(server.requests).toHaveLength(1);
  });

  it('prints exit codes even if all are 0', async () => {
    const nodes = [{ node_name: 'web1', status: 'succeeded', exit_code: 0, duration_ms: 0 }];
    server.on(JOB, {
      json: { ...stubJob({ succeeded: ['web1'] }), details: { created_by: 'bob', quorum: 1, nodes } },
    });

    expect((await cli.run(['job', 'status', JOB_ID])).stdout).toContain(
      'NODE  STATUS     EXIT  TIME   REASON\nweb1  succeeded  0     0.0 s\n',
    );
  });

  it('colours states on a terminal unless NO_COLOR is set', async () => {
    server.on(JOB, { json: job });
    const coloured = await cli.run(['job', 'status', JOB_ID], { columns: 80 });
    const plain = await cli.run(['job', 'status', JOB_ID], { columns: 80, env: { NO_COLOR: '1' } });

    expect(coloured.stdout).toContain('db1   \u001b[31mfailed\u001b[39m\n');
    expect(plain.stdout).not.toContain('\u001b');
  });

  it('prints the error of the server for an unknown job', async () => {
    server.on(JOB, { status: 404, json: { error: ['no such job'] } });

    expect(await cli.run(['job', 'status', JOB_ID])).toEqual({
      code: 1,
      stdout: '',
      stderr: `ERROR: ${server.url}/pushy/jobs/${JOB_ID}?details=true: no such job (status 404)\n`,
    });
  });

  it('rejects a malformed ID without a request', async () => {
    const outcome = await cli.run(['job', 'status', '../nodes']);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain("'../nodes' is not a job ID");
    expect(server.requests).toEqual([]);
  });
});

describe('job watch', () => {
  it('follows the job to its end and exits like job start', async () => {
    server
      .on(`GET pushy/job_status_feed/${JOB_ID}`, {
        feed: feedText(runEvents({ a: 'succeeded', b: 'failed' })),
      })
      .on(JOB, { json: stubJob({ succeeded: ['a'], failed: ['b'] }, { capture_output: true }) });

    expect(await cli.run(['job', 'watch', JOB_ID])).toEqual({
      code: 1,
      stderr: '',
      stdout: [
        'Voting.',
        'Running (2/2 in progress) ...',
        'Complete. 1 of 2 nodes succeeded, 1 failed.',
        '  failed: b',
        `Why: push-jobs job status ${JOB_ID}`,
        `Output: push-jobs job output ${JOB_ID}`,
        '',
      ].join('\n'),
    });
  });
});
