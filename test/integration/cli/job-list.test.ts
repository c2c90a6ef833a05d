import { describe, expect, it } from 'vitest';
import { stubJobSummary } from '../../support/stub-job.js';
import { useStubbedCli } from '../../support/use-stubbed-cli.js';

const { cli, server } = useStubbedCli();

describe('job list', () => {
  const jobs = [
    stubJobSummary({ id: 'a'.repeat(32), command: 'old', created_at: 'Sat, 21 Nov 2026 08:00:00 GMT' }),
    stubJobSummary({ id: 'b'.repeat(32), status: 'running', command: 'line\nbreak and much more of it' }),
    stubJobSummary({ id: 'c'.repeat(32), command: 'ж宽🙂' }),
  ];
  const list = async (...args: string[]) => {
    server.on('GET pushy/jobs', { json: jobs });
    const now = () => Date.parse('2026-11-22T09:00:00Z');
    const { stdout, code } = await cli.run(['job', 'list', ...args, '--format', 'json'], { now });
    expect(code).toBe(0);
    return (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id[0]).join('');
  };

  it('prints an aligned table', async () => {
    server.on('GET pushy/jobs', { json: jobs });

    expect((await cli.run(['job', 'list'])).stdout).toBe(
      [
        'ID                                STATUS    CREATED               COMMAND',
        `${'a'.repeat(32)}  complete  2026-11-21 08:00:00Z  old`,
        `${'b'.repeat(32)}  running   2026-11-22 08:51:46Z  line\\nbreak and much more of it`,
        `${'c'.repeat(32)}  complete  2026-11-22 08:51:46Z  ж宽🙂`,
        '',
      ].join('\n'),
    );
  });

  it('truncates long commands on a narrow terminal', async () => {
    server.on('GET pushy/jobs', { json: jobs });
    const { stdout } = await cli.run(['job', 'list'], { columns: 80, env: { NO_COLOR: '1' } });

    expect(stdout).toContain('2026-11-22 08:51:46Z  line\\nbreak a…\n');
  });

  it.each([
    ['all jobs', [], 'abc'],
    ['jobs with a status', ['--status', 'running'], 'b'],
    ['jobs of the last hours', ['--since', '12h'], 'bc'],
    ['jobs since a date', ['--since', '2026-11-21T08:00:01Z'], 'bc'],
    ['the newest jobs', ['--limit', '2'], 'bc'],
    ['the newest jobs with a status', ['--status', 'complete', '--limit', '1'], 'c'],
  ])('lists %s', async (_what, args, ids) => {
    expect(await list(...args)).toBe(ids);
  });

  it('lets the server filter if it can, and prints the jobs oldest first', async () => {
    server.on('GET pushy/jobs', { json: [jobs[2], jobs[0]] });
    const { stdout } = await cli.run(['job', 'list', '--quiet', '--limit', '2', '--status', 'complete']);

    expect(stdout).toBe(`${'a'.repeat(32)}\n${'c'.repeat(32)}\n`);
    expect(Object.fromEntries(server.requests[0]!.query)).toEqual({
      status: 'complete',
      limit: '2',
      order: 'newest',
    });
  });

  it.each([
    [['--status', 'done'], 'Choices: "voting"'],
    [['--since', 'yesterday'], '--since must be an age like 30m'],
    [['--limit', '0'], '--limit must be a whole number from 1'],
  ])('rejects %j', async (args, text) => {
    const outcome = await cli.run(['job', 'list', ...args]);

    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain(text);
  });
});
