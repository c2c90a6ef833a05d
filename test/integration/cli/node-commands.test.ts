import { beforeEach, describe, expect, it } from 'vitest';
import { JOB_ID, stubJob, stubJobSummary } from '../../support/stub-job.js';
import { parse } from 'yaml';
import { useStubbedCli } from '../../support/use-stubbed-cli.js';

const { cli, server } = useStubbedCli();

const node = (name: string, availability: 'available' | 'unavailable') => ({ node_name: name, availability });
const nodes = (...listed: ReturnType<typeof node>[]) => ({ json: listed });

describe('node status', () => {
  beforeEach(() => {
    server.on('GET pushy/node_states', {
      json: [
        { node_name: 'web1', availability: 'available' },
        { node_name: 'web2', availability: 'unavailable' },
      ],
    });
  });

  it('prints name, TAB, availability of every online node', async () => {
    expect(await cli.run(['node', 'status'])).toEqual({
      code: 0,
      stdout: 'web1\tavailable\nweb2\tunavailable\n',
      stderr: '',
    });
  });

  it('accepts names and search queries and prints each node once', async () => {
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

  it('prints documents for programs', async () => {
    const { stdout } = await cli.run(['node', 'status', 'web1', '--format', 'yaml']);

    expect(parse(stdout)).toEqual([{ node_name: 'web1', availability: 'available' }]);
  });
});

describe('node status --watch', () => {
  const LIST = 'GET pushy/node_states';
  const watch = (columns?: number, interruptAt = 'db1\tunavailable') =>
    cli.run(['node', 'status', '--watch', '--interval', '0.01'], {
      interruptAt,
      now: () => Date.parse('2026-11-22T08:00:01Z'),
      ...(columns === undefined ? {} : { columns, env: { NO_COLOR: '1' } }),
    });

  it('prints all nodes into a pipe, then each change, and exits with 0 after Ctrl-C', async () => {
    server.on(
      LIST,
      nodes(node('web1', 'available'), node('db1', 'available')),
      nodes(node('web1', 'unavailable'), node('db1', 'available')),
      nodes(node('web1', 'unavailable')),
    );

    expect(await watch()).toEqual({
      code: 0,
      stdout: 'web1\tavailable\ndb1\tavailable\nweb1\tunavailable\ndb1\tunavailable\n',
      stderr: '',
    });
  });

  it('prints a temporary server error and continues', async () => {
    server.on(LIST, { status: 503, json: { error: 'not now' } }, nodes(node('db1', 'unavailable')));
    const { code, stdout, stderr } = await watch();

    expect({ code, stdout }).toEqual({ code: 0, stdout: 'db1\tunavailable\n' });
    expect(stderr).toContain('not now (status 503)');
  });

  it('exits with 1 if the server rejects the request', async () => {
    server.on(LIST, { status: 403, json: { error: ['no'] } });

    expect(await watch()).toMatchObject({ code: 1, stdout: '' });
  });

  it('redraws as many nodes on a terminal as it has room for', async () => {
    const many = Array.from({ length: 30 }, (_, index) =>
      node(`a-node-with-a-long-name-${index}`, 'available'),
    );
    server.on(LIST, nodes(...many, node('db1', 'unavailable')));
    const { stdout } = await watch(30, 'and 11 more');

    const screen = stdout.split('\u001b[H\u001b[2J')[1]!;
    expect(screen).toContain('30 of 31 nodes available at 0…\n');
    expect(screen).toContain('\na-node-with-a-lo…  available\n');
    expect(screen.split('\n').every((line) => line.length <= 30)).toBe(true);
  });

  it.each([
    [['--watch', '--format', 'json'], '--watch cannot be used with --format'],
    [['--interval', '1'], '--interval requires --watch'],
    [['--watch', '--interval', '0'], '--interval must be a number of seconds'],
  ])('rejects %j', async (args, text) => {
    const outcome = await cli.run(['node', 'status', ...args]);

    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain(text);
  });
});

describe('node why', () => {
  const state = (status: 'online' | 'offline', availability: 'available' | 'unavailable') => ({
    json: { node_name: 'web1', status, availability },
  });
  const STATE = 'GET pushy/node_states/web1';

  it('says that a node is available', async () => {
    server.on(STATE, state('online', 'available')).on('GET pushy/jobs', { json: [] });

    expect(await cli.run(['node', 'why', 'web1'])).toEqual({
      code: 0,
      stdout: 'web1 is available: it takes jobs.\n',
      stderr: '',
    });
  });

  it.each(['.', '..'])('rejects the node name %s without a request', async (name) => {
    const outcome = await cli.run(['node', 'why', name]);

    expect(outcome).toEqual({
      code: 1,
      stdout: '',
      stderr: `ERROR: cannot request '${name}': a URL cannot contain this name\n`,
    });
    expect(server.requests).toEqual([]);
  });

  it('names the job of a busy node, and how to follow or abort it', async () => {
    server
      .on(STATE, state('online', 'unavailable'))
      .on('GET pushy/jobs', {
        json: [
          stubJobSummary({ id: 'a'.repeat(32) }),
          stubJobSummary({ id: 'b'.repeat(32), status: 'running' }),
          stubJobSummary({ id: JOB_ID, status: 'running' }),
        ],
      })
      .on(`GET pushy/jobs/${'b'.repeat(32)}`, {
        json: stubJob({ running: ['web2'], succeeded: ['web1'] }, { status: 'running' }),
      })
      .on(`GET pushy/jobs/${JOB_ID}`, {
        json: stubJob({ running: ['web1'] }, { command: 'apt\nupgrade', status: 'running' }),
      });

    expect((await cli.run(['node', 'why', 'web1'])).stdout).toBe(
      [
        'web1 is online but unavailable: it takes no job now.',
        `Why: it takes part in job ${JOB_ID}, which is running: apt\\nupgrade`,
        `Do:  wait for it:  push-jobs job watch ${JOB_ID}`,
        `     or abort it:  push-jobs job abort ${JOB_ID}`,
        '',
      ].join('\n'),
    );
  });

  it('says that a node is busy although the server calls it available', async () => {
    server
      .on(STATE, state('online', 'available'))
      .on('GET pushy/jobs', { json: [stubJobSummary({ status: 'running' })] })
      .on(`GET pushy/jobs/${JOB_ID}`, { json: stubJob({ ready: ['web1'] }, { status: 'running' }) });

    expect((await cli.run(['node', 'why', 'web1'])).stdout).toContain(
      'web1 is available but busy: it declines other jobs until it is done.\n',
    );
    expect(server.requestsOf('GET pushy/jobs').map(({ query }) => Object.fromEntries(query))).toEqual([
      { node: 'web1', status: 'voting' },
      { node: 'web1', status: 'running' },
    ]);
  });

  it('says that a node in rehab has not answered yet, and why', async () => {
    const { json } = state('online', 'unavailable');
    server.on('GET pushy/jobs', { json: [] }).on(
      STATE,
      { json },
      {
        json: {
          ...json,
          reason: 'rehab',
          rehab_reason: 'it came back as another process',
          client_version: '3.0.13',
        },
      },
    );

    expect((await cli.run(['node', 'why', 'web1'])).stdout).toContain(
      'Why: the server has sent it an abort and waits for the answer.\n',
    );
    const { stdout } = await cli.run(['node', 'why', 'web1']);
    expect(stdout).toContain('an abort (it came back as another process) and waits');
    expect(stdout).toContain('Client: push-jobs-client 3.0.13\n');
  });

  it('explains why an online node gets no job', async () => {
    server
      .on('GET pushy/jobs', { json: [] })
      .on(STATE, { json: { ...state('online', 'unavailable').json, reason: 'config_too_old' } });
    expect((await cli.run(['node', 'why', 'web1'])).stdout).toContain(
      'Why: its config has expired: the node has not fetched a new one in time.\n' +
        'Do:  check that the Chef Server still has its client,',
    );
  });

  it.each([
    ['never_seen', 'Why: the server has never received a message from it.'],
    ['not_seen_since_restart', 'Do:  if the server restarted less than two minutes ago, wait for the node.'],
    ['silent', 'Why: its heartbeats have stopped.'],
    ['clock_skew', 'Why: its clock or the clock of the server is wrong.'],
    ['bad_signature', 'restart push-jobs-client on the node: it fetches a new key'],
    ['config_too_old', 'its config has expired'],
    ['unknown_node', 'it sends messages, but has not fetched its config'],
    ['wrong_node', 'its messages name another node'],
    ['replayed\u001b', 'Why: the server drops its messages (replayed\\u001b).'],
  ])('explains the reason %j of the server', async (reason, text) => {
    server.on(STATE, {
      json: {
        ...state('offline', 'unavailable').json,
        reason,
        last_seen: '2026-11-22T08:00:00.000Z',
        dropped: { count: 7, reason, at: '2026-11-22T08:00:01.000Z' },
      },
    });
    server.on('GET clients/web1', { json: { name: 'web1' } });
    const { stdout } = await cli.run(['node', 'why', 'web1']);

    expect(server.requests[0]?.query.get('details')).toBe('true');
    expect(stdout).toContain(text);
    expect(stdout).toContain('Last seen: 2026-11-22T08:00:00.000Z\n');
    expect(stdout).toContain(
      'Dropped since the server started: 7 messages, the last at 2026-11-22T08:00:01.000Z',
    );
  });

  it('says since when an offline node in a live job is silent', async () => {
    const detail = { node_name: 'web1', status: 'running', no_contact_since: '2026-11-22T08:00:00.123Z' };
    server
      .on(STATE, { json: { ...state('offline', 'unavailable').json, reason: 'silent' } })
      .on('GET clients/web1', { json: { name: 'web1' } })
      .on('GET pushy/jobs', { json: [stubJobSummary({ status: 'running' })] })
      .on(`GET pushy/jobs/${JOB_ID}`, {
        json: {
          ...stubJob({ running: ['web1'] }, { status: 'running' }),
          details: { created_by: 'alice', quorum: 1, nodes: [detail] },
        },
      });

    expect((await cli.run(['node', 'why', 'web1'])).stdout).toContain(
      `Job: it takes part in job ${JOB_ID}, which is running; no contact since 2026-11-22 08:00:00Z\n` +
        '     The command may still run.',
    );
  });

  it('shows the late result of the latest job', async () => {
    const detail = {
      node_name: 'web1',
      status: 'crashed',
      reason: 'no contact since 2026-11-22T08:00:00.123Z',
      late_result: { status: 'succeeded', exit_code: 0, at: '2026-11-22T09:00:00.123Z' },
    };
    server
      .on(STATE, state('online', 'available'))
      .on('GET pushy/jobs', { json: [stubJobSummary({ status: 'complete' })] })
      .on(`GET pushy/jobs/${JOB_ID}`, {
        json: {
          ...stubJob({ crashed: ['web1'] }),
          details: { created_by: 'alice', quorum: 1, nodes: [detail] },
        },
      });

    expect((await cli.run(['node', 'why', 'web1'])).stdout).toContain(
      `Last job: ${JOB_ID}: crashed; no contact since 2026-11-22T08:00:00.123Z; ` +
        'late result: succeeded, exit code 0, at 2026-11-22 09:00:00Z\n',
    );
  });

  it.each([
    ['a client of that name', 200, "The Chef Server has a client 'web1'."],
    ['no client of that name', 404, "the Chef Server has no client 'web1'"],
    [
      'a client that the user may not see',
      403,
      "The Chef Server does not let you see whether it has a client 'web1'",
    ],
  ])('says what to check for an offline node with %s', async (_what, status, text) => {
    server
      .on(STATE, state('offline', 'unavailable'))
      .on('GET clients/web1', { status, json: { name: 'web1' } });

    expect((await cli.run(['node', 'why', 'web1'])).stdout).toContain(text);
  });

  it('prints a document for programs', async () => {
    server.on(STATE, state('offline', 'unavailable'));
    const { stdout } = await cli.run(['node', 'why', 'web1', '--format', 'json']);

    expect(JSON.parse(stdout)).toEqual({
      node_name: 'web1',
      status: 'offline',
      availability: 'unavailable',
      has_chef_client: false,
    });
  });
});
