import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CliUnderTest } from '../../support/cli-under-test.js';
import { feedText, JOB_ID, stubJob, stubJobSummary, wholeRun } from '../../support/stub-job.js';
import { StubPushyServer } from '../../support/stub-pushy-server.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

let server: StubPushyServer;
let cli: CliUnderTest;

const JOB = `GET pushy/jobs/${JOB_ID}`;
const output = (node: string, channel = 'stdout') => `${JOB}/output/${node}/${channel}`;

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

describe('job status', () => {
  const job = stubJob(
    { succeeded: ['web2', 'web1'], failed: ['db1'] },
    { user: 'deploy', env: { A: 'x\u001b[31m' }, capture_output: true },
  );

  it('shows the job and a table of its nodes, failures first', async () => {
    server.on(JOB, { json: job });
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

  it('gives the job as the server has it, as JSON or YAML', async () => {
    server.on(JOB, { json: job });

    expect(JSON.parse((await cli.run(['job', 'status', JOB_ID, '--format', 'json'])).stdout)).toEqual(job);
    expect(parse((await cli.run(['job', 'status', JOB_ID, '--format', 'yaml'])).stdout)).toEqual(job);
  });

  it('shows what the server tells of each node, cut to the width of the terminal', async () => {
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

  it('shows exit codes though all of them are 0', async () => {
    const nodes = [{ node_name: 'web1', status: 'succeeded', exit_code: 0, duration_ms: 0 }];
    server.on(JOB, {
      json: { ...stubJob({ succeeded: ['web1'] }), details: { created_by: 'bob', quorum: 1, nodes } },
    });

    expect((await cli.run(['job', 'status', JOB_ID])).stdout).toContain(
      'NODE  STATUS     EXIT  TIME   REASON\nweb1  succeeded  0     0.0 s\n',
    );
  });

  it('colours states on a terminal, unless NO_COLOR is set', async () => {
    server.on(JOB, { json: job });
    const coloured = await cli.run(['job', 'status', JOB_ID], { columns: 80 });
    const plain = await cli.run(['job', 'status', JOB_ID], { columns: 80, env: { NO_COLOR: '1' } });

    expect(coloured.stdout).toContain('db1   \u001b[31mfailed\u001b[39m\n');
    expect(plain.stdout).not.toContain('\u001b');
  });

  it('says what the server says of an unknown job', async () => {
    server.on(JOB, { status: 404, json: { error: ['no such job'] } });

    expect(await cli.run(['job', 'status', JOB_ID])).toEqual({
      code: 1,
      stdout: '',
      stderr: `ERROR: ${server.url}/pushy/jobs/${JOB_ID}?details=true: no such job (status 404)\n`,
    });
  });

  it('refuses what cannot be an id without asking the server', async () => {
    const outcome = await cli.run(['job', 'status', '../nodes']);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain("'../nodes' is not the id of a job");
    expect(server.requests).toEqual([]);
  });
});

describe('job watch', () => {
  it('follows the job from its beginning and ends with the exit code of job start', async () => {
    server
      .on(`GET pushy/job_status_feed/${JOB_ID}`, {
        feed: feedText(wholeRun({ a: 'succeeded', b: 'failed' })),
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

  it('prints a table that lines up', async () => {
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

  it('cuts long commands on a narrow terminal', async () => {
    server.on('GET pushy/jobs', { json: jobs });
    const { stdout } = await cli.run(['job', 'list'], { columns: 80, env: { NO_COLOR: '1' } });

    expect(stdout).toContain('2026-11-22 08:51:46Z  line\\nbreak a…\n');
  });

  it.each([
    ['all', [], 'abc'],
    ['those of a status', ['--status', 'running'], 'b'],
    ['those of the last hours', ['--since', '12h'], 'bc'],
    ['those since a moment', ['--since', '2026-11-21T08:00:01Z'], 'bc'],
    ['the newest', ['--limit', '2'], 'bc'],
    ['the newest of a status', ['--status', 'complete', '--limit', '1'], 'c'],
  ])('lists %s', async (_what, args, ids) => {
    expect(await list(...args)).toBe(ids);
  });

  it('leaves choosing to a server that can, and shows its answer oldest first', async () => {
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
    [['--since', 'yesterday'], '--since must be a time like 30m'],
    [['--limit', '0'], '--limit must be a whole number from 1'],
  ])('refuses %j', async (args, text) => {
    const outcome = await cli.run(['job', 'list', ...args]);

    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain(text);
  });
});

describe('job output', () => {
  it('gives the bytes of one node as they are', async () => {
    const bytes = Buffer.from([0x68, 0xff, 0x00, 0x0a, 0x1b]);
    server.on(output('web1', 'stderr'), { bytes });
    const outcome = await cli.run(['job', 'output', JOB_ID, 'web1', '--channel', 'stderr']);

    expect(outcome).toEqual({ code: 0, stdout: bytes.toString(), stderr: '' });
    expect(server.requests[0]?.headers.accept).toBe('application/octet-stream');
  });

  it('gives several nodes a heading each and names those without output', async () => {
    server.on(output('a'), { bytes: Buffer.from('one\n') }).on(output('b'), { bytes: Buffer.from('two') });
    const outcome = await cli.run(['job', 'output', JOB_ID, 'a', 'b', 'c']);

    expect(outcome).toEqual({
      code: 1,
      stdout: '==> a <==\none\n\n==> b <==\ntwo\n',
      stderr: 'No stdout was kept for c\n',
    });
  });

  it('gives the bytes as they are where the job has one node only, too', async () => {
    server.on(JOB, { json: stubJob({ succeeded: ['a'] }) }).on(output('a'), { bytes: Buffer.from('one') });

    expect(await cli.run(['job', 'output', JOB_ID])).toEqual({ code: 0, stdout: 'one', stderr: '' });
  });

  it('takes all nodes of the job that have output where none is named', async () => {
    server
      .on(JOB, { json: stubJob({ succeeded: ['b'], failed: ['a'], unavailable: ['c'] }) })
      .on(output('a'), { bytes: Buffer.from('A') })
      .on(output('b'), { bytes: Buffer.from('B') });

    expect(await cli.run(['job', 'output', JOB_ID])).toEqual({
      code: 0,
      stdout: '==> a <==\nA\n\n==> b <==\nB\n',
      stderr: '',
    });
  });

  it('says that there is no such job', async () => {
    for (const more of [[], ['--to', 'folder']]) {
      const outcome = await cli.run(['job', 'output', JOB_ID, 'a', ...more]);

      expect(outcome).toEqual({ code: 1, stdout: '', stderr: `ERROR: there is no job ${JOB_ID}\n` });
    }
  });

  it('says that nothing was kept', async () => {
    server.on(JOB, { json: stubJob({ succeeded: ['a'] }) });
    const outcome = await cli.run(['job', 'output', JOB_ID, 'a']);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain(`ERROR: no stdout of job ${JOB_ID} was kept for a.`);
  });

  it('gives documents for programs, in base64 what is no text', async () => {
    server.on(output('a'), { bytes: Buffer.from('é\n') }).on(output('b'), { bytes: Buffer.from([0xff]) });
    const { stdout } = await cli.run(['job', 'output', JOB_ID, 'a', 'b', '--format', 'json']);

    expect(JSON.parse(stdout)).toEqual([
      { node: 'a', channel: 'stdout', text: 'é\n' },
      { node: 'b', channel: 'stdout', base64: '/w==' },
    ]);
  });
});

describe('node status', () => {
  beforeEach(() => {
    server.on('GET pushy/node_states', {
      json: [
        { node_name: 'web1', availability: 'available' },
        { node_name: 'web2', availability: 'unavailable' },
      ],
    });
  });

  it('prints name, TAB, availability of every node that is online', async () => {
    expect(await cli.run(['node', 'status'])).toEqual({
      code: 0,
      stdout: 'web1\tavailable\nweb2\tunavailable\n',
      stderr: '',
    });
  });

  it('takes names and searches, and shows each node once', async () => {
    server.on('POST search/node', {
      json: {
        total: 2,
        rows: [
          { url: '', data: { name: 'web1' } },
          { url: '', data: { name: 'db1' } },
        ],
      },
    });

    expect((await cli.run(['node', 'status', 'web1', 'role:*'])).stdout).toBe(
      'web1\tavailable\ndb1\tunavailable\n',
    );
  });

  it('gives documents for programs', async () => {
    const { stdout } = await cli.run(['node', 'status', 'web1', '--format', 'yaml']);

    expect(parse(stdout)).toEqual([{ node_name: 'web1', availability: 'available' }]);
  });
});

describe('the program', () => {
  it.each([[['--help']], [['job', '--help']], [['job', 'start', '--help']], [['node', 'status', '--help']]])(
    'explains itself: %j',
    async (args) => {
      const outcome = await cli.run(args, { columns: 80 });

      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      expect(outcome.stdout).toContain('--server-url');
      expect(outcome.stdout.split('\n').every((line) => line.length <= 120)).toBe(true);
    },
  );

  it('says in the help of job start what its exit codes mean', async () => {
    const { stdout } = await cli.run(['job', 'start', '--help'], { columns: 120 });

    expect(stdout).toContain('Exit codes: 0 where the job is complete');
  });

  it('knows its version', async () => {
    expect((await cli.run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [[], 'say what to do: push-jobs job, node, config or completion'],
    [['job'], 'say what to do: push-jobs job start'],
    [['node'], 'say what to do: push-jobs node status'],
    [['jobs'], 'Did you mean job?'],
    [['job', 'status'], 'Not enough non-option arguments: got 0, need at least 1'],
    [['node', 'status', '--format', 'xml'], 'Choices: "summary", "json", "yaml"'],
  ])('ends with 2 where the command line is not understood: %j', async (args, text) => {
    const outcome = await cli.run(args);

    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain(text);
  });

  it('says whose key it used where the server does not believe it', async () => {
    cli.writeChefFile(
      'credentials',
      `[default]\nclient_name = "mallory"\nclient_key = "user.pem"\nchef_server_url = "${server.url}"\n`,
    );
    const { code, stderr } = await cli.run(['node', 'status']);

    expect(code).toBe(1);
    expect(stderr).toContain("Invalid signature for user or client 'alice' (status 401)");
    expect(stderr).toContain(`user 'mallory' (profile 'default' of ${cli.home}/.chef/credentials)`);
    expect(stderr).toContain(`${cli.home}/.chef/user.pem`);
  });

  it('says which server it cannot reach', async () => {
    const args = ['--user', 'alice', '--key', '../home/.chef/user.pem', '--server-url'];
    const { code, stderr } = await cli.run([
      'node',
      'status',
      ...args,
      'http://127.0.0.1:1/organizations/acme',
    ]);

    expect(code).toBe(1);
    expect(stderr).toContain('cannot reach http://127.0.0.1:1/organizations/acme/pushy/node_states');
  });
});
