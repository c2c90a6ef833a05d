import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../../src/shared/protocol/rest-schemas.js';
import { FeedReading } from '../../support/feed-reading.js';
import { type PlainAnswer, type PlainRequest, sendHttp } from '../../support/http-request.js';
import { ORG, ServerUnderTest } from '../../support/server-under-test.js';
import type { SimulatedNode } from '../../support/simulated-node.js';
import { sendSigned } from '../../support/signed-sender.js';

const PUSHY = `/organizations/${ORG}/pushy`;
const UNKNOWN_JOB = 'f'.repeat(32);
const RFC_1123 = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Milliseconds: on a slow machine a node must not get `abort` twice where a test waits for the next command. Heartbeats
 * are rare for the same reason: those of a simulated node say that it is idle, whatever it does.
 */
const LONG = 60_000;

let server: ServerUnderTest;
let web1: SimulatedNode;
/** A job that ran on web1, with every option and with output. */
let ranId: string;

const send = (request: PlainRequest): Promise<PlainAnswer> =>
  sendSigned(server.url(''), { user: 'alice', key: server.userKey }, request);
const get = (path: string, headers: Record<string, string> = {}): Promise<PlainAnswer> =>
  send({ path: `${PUSHY}/${path}`, headers });
const post = (body: object, headers: Record<string, string> = {}): Promise<PlainAnswer> =>
  send({
    method: 'POST',
    path: `${PUSHY}/jobs`,
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  });

/** Runs a job on web1 to its end. */
const run = async (request: object): Promise<string> => {
  const { uri } = (await post({ nodes: ['web1'], ...request })).json as { uri: string };
  const id = uri.slice(-32);
  await web1.expectCommand('commit');
  await web1.sendJobMessage('ack_commit', id);
  await web1.expectCommand('run');
  await web1.sendJobMessage('ack_run', id);
  await web1.sendJobMessage('succeeded', id, { stdout: 'out\n', stderr: '' });
  await server.jobBecomes(id, 'complete');
  return id;
};

const OPTIONS = { user: 'www-data', dir: '/srv', env: { A: '1', B: '' } };

beforeAll(async () => {
  server = await ServerUnderTest.start({
    rehab_timer: LONG,
    heartbeat_interval: 2_000,
    keep_alive_time: 3600,
  });
  web1 = await server.availableNode('web1');
  ranId = await run({
    command: 'chef-client',
    ...OPTIONS,
    file: 'raw:hello',
    run_timeout: 60,
    capture_output: true,
  });
});
afterAll(() => server.close());

describe('a job', () => {
  const shown = () => ({
    id: ranId,
    command: 'chef-client',
    status: 'complete',
    run_timeout: 60,
    created_at: expect.stringMatching(RFC_1123) as string,
    updated_at: expect.stringMatching(RFC_1123) as string,
    ...OPTIONS,
    capture_output: true,
    file_specified: true,
  });

  it('is shown whole, with its nodes by status', async () => {
    const { status, json, headers } = await get(`jobs/${ranId}`);
    expect({ status, json }).toEqual({ status: 200, json: { ...shown(), nodes: { succeeded: ['web1'] } } });
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it('is listed without its nodes', async () => {
    expect((await get('jobs')).json).toContainEqual(shown());
  });

  it('is shown with its file where that is asked for', async () => {
    const { file_specified: _flag, ...others } = shown();
    expect((await get(`jobs/${ranId}?include_file=true`)).json).toEqual({
      ...others,
      file: 'raw:hello',
      nodes: { succeeded: ['web1'] },
    });
    expect((await get(`jobs/${ranId}?include_file=yes`)).json).toMatchObject({ file_specified: true });
  });

  it('that was asked for nothing but a command shows nothing else', async () => {
    const id = await run({ command: '' });
    expect((await get(`jobs/${id}`)).json).toEqual({
      id,
      command: '',
      status: 'complete',
      run_timeout: 3600,
      created_at: expect.stringMatching(RFC_1123) as string,
      updated_at: expect.stringMatching(RFC_1123) as string,
      nodes: { succeeded: ['web1'] },
    });
  });

  it.each(['0', '-1', ''])('its id with something else in it is unknown: %s', async (extra) => {
    expect((await get(`jobs/${ranId}${extra}`)).status).toBe(extra === '' ? 200 : 404);
  });

  it('is unknown by its id in capitals', async () => {
    const capitals = ranId.toUpperCase();
    const { status, json } = await get(`jobs/${capitals === ranId ? `${ranId}A` : capitals}`);
    expect({ status, json }).toEqual({ status: 404, json: { error: [expect.any(String)] } });
  });

  it('of another organization is unknown, and so are its output and its feed', async () => {
    server.chef.createOrganization('globex');
    server.chef.associate('globex', 'alice', true);
    const path = `/organizations/globex/pushy`;
    for (const [resource, accept] of [
      [`jobs/${ranId}`, 'application/json'],
      [`jobs/${ranId}/output/web1/stdout`, 'application/octet-stream'],
      [`job_status_feed/${ranId}`, 'text/event-stream'],
    ] as const) {
      expect((await send({ path: `${path}/${resource}`, headers: { Accept: accept } })).status).toBe(404);
    }
    expect((await send({ path: `${path}/jobs` })).json).toEqual([]);
    expect((await send({ path: `${path}/node_states` })).json).toEqual([]);
    expect((await send({ path: `${path}/node_states?details=true` })).json).toEqual([]);
    expect((await send({ path: `${path}/node_states/web1?details=true` })).json).toMatchObject({
      reason: 'never_seen',
    });
    expect((await send({ path: `${path}/jobs/${ranId}?details=true` })).status).toBe(404);
    expect((await send({ method: 'POST', path: `${path}/jobs/${ranId}/abort` })).status).toBe(404);
  });

  it('of another organization is found by no cursor, node name, dry run or Idempotency-Key', async () => {
    server.chef.createOrganization('initech');
    server.chef.associate('initech', 'alice', true);
    const path = '/organizations/initech/pushy/jobs';
    const start = (job: object) => ({
      method: 'POST',
      body: JSON.stringify({ command: 'chef-client', nodes: ['web1'], quorum: 0, ...job }),
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'of-two-organizations' },
    });
    const here = await send({ ...start({}), path: `${PUSHY}/jobs` });
    await web1.expectCommand('commit');
    const there = await send({ ...start({}), path });
    const [mine, theirs] = [here, there].map(({ json }) => (json as { uri: string }).uri.slice(-32));
    expect(theirs).not.toBe(mine);
    await web1.sendJobMessage('nack_commit', mine!);
    await server.jobBecomes(mine!, 'complete');

    const { headers } = await get('jobs?limit=1');
    const [cursor] = /(?<=cursor=)[\w-]+/.exec(String(headers.link)) ?? [];
    for (const query of [
      `cursor=${cursor}`,
      'node=web1',
      'user=alice',
      'command=chef-client',
      'order=newest',
    ]) {
      const ids = ((await send({ path: `${path}?${query}` })).json as Job[]).map(({ id }) => id);
      expect(ids).toEqual([theirs]);
    }
    const { json } = await send({ ...start({ dry_run: true }), path });
    expect(json).toMatchObject({ nodes: { unavailable: [{ node_name: 'web1', reason: 'never_seen' }] } });
  });
});

describe('starting a job', () => {
  const ORIGINS: readonly (readonly [what: string, headers: Record<string, string>, origin: () => string])[] =
    [
      ['as it came', {}, () => server.url('')],
      [
        'the scheme of the proxy',
        { 'X-Forwarded-Proto': 'https', Host: 'chef.example.com' },
        () => 'https://chef.example.com',
      ],
      ['a port that is shown', { Host: 'chef.example.com:8443' }, () => 'http://chef.example.com:8443'],
      [
        'a port that is not',
        { 'X-Forwarded-Proto': 'https', Host: 'chef.example.com:443' },
        () => 'https://chef.example.com',
      ],
    ];

  it.each(ORIGINS)('is answered with its address: %s', async (_what, headers, origin) => {
    const answer = await post({ command: 'chef-client', nodes: ['away'], quorum: 0 }, headers);
    const { uri } = answer.json as { uri: string };
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({ uri });
    expect(answer.headers.location).toBe(uri);
    const prefix = `${origin()}${PUSHY}/jobs/`;
    expect(uri.startsWith(prefix)).toBe(true);
    expect(uri.slice(prefix.length)).toMatch(new RegExp(`^${server.orgId.slice(-12)}[0-9a-f]{20}$`));
  });

  it('counts a repeated node once, also for the quorum', async () => {
    const id = await server.startJob({ nodes: ['away', 'away'] });
    expect((await server.jobBecomes(id, 'quorum_failed')).nodes).toEqual({ unavailable: ['away'] });
  });

  it('with a quorum of 0 is complete though all nodes are away', async () => {
    await server.jobBecomes(await server.startJob({ nodes: ['away'], quorum: 0 }), 'complete');
  });

  it('with a quorum of more than its nodes fails at the vote', async () => {
    const id = await server.startJob({ nodes: ['away'], quorum: 2 });
    expect((await server.jobBecomes(id, 'quorum_failed')).nodes).toEqual({ unavailable: ['away'] });
  });
});

describe('the list of jobs', () => {
  it('has the oldest first', async () => {
    const first = await server.startJob({ nodes: ['away'] });
    const second = await server.startJob({ nodes: ['away'] });
    const ids = ((await get('jobs')).json as Job[]).map(({ id }) => id);
    expect(ids.slice(-2)).toEqual([first, second]);
  });
});

describe('captured output', () => {
  it('comes as the bytes that they were', async () => {
    const raw = await server.as().send({
      method: 'GET',
      url: server.url(`${PUSHY}/jobs/${ranId}/output/web1/stdout`),
      headers: { Accept: 'application/octet-stream' },
    });
    expect(raw).toMatchObject({
      value: {
        status: 200,
        headers: { 'content-type': 'application/octet-stream' },
        body: Buffer.from('out\n'),
      },
    });
  });

  it('is empty where the command wrote nothing', async () => {
    const answer = await get(`jobs/${ranId}/output/web1/stderr`, { Accept: '*/*' });
    expect(answer).toMatchObject({ status: 200, text: '' });
  });

  it.each(['web2/stdout', 'web1/stdlog', 'web1'])('is 404 where there is none: %s', async (rest) => {
    const answer = await get(`jobs/${ranId}/output/${rest}`, { Accept: '*/*' });
    expect(answer).toMatchObject({ status: 404, json: { error: [expect.any(String)] } });
  });

  it('is 404 for a job that is unknown', async () => {
    expect((await get(`jobs/${UNKNOWN_JOB}/output/web1/stdout`, { Accept: '*/*' })).status).toBe(404);
  });
});

describe('nodes', () => {
  it('that are not offline are listed', async () => {
    expect((await get('node_states')).json).toEqual([{ node_name: 'web1', availability: 'available' }]);
  });

  it('show how they stand', async () => {
    expect(await get('node_states/web1')).toMatchObject({ status: 200 });
    expect((await get('node_states/web1')).json).toEqual({
      node_name: 'web1',
      status: 'online',
      availability: 'available',
    });
  });

  it('that were never seen are offline and unavailable', async () => {
    const answer = await get('node_states/nosuch');
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ node_name: 'nosuch', status: 'offline', availability: 'unavailable' });
  });

  it('get their config though no node object of the name exists', async () => {
    const document = await server.configOf(await server.identity('nameless'));
    expect(document).toMatchObject({ type: 'config', node: 'nameless', organization: ORG });
  });
});

describe('a feed on which nothing happens', () => {
  it('is open at once: its headers do not wait for the first event or keepalive', async () => {
    const feed = await FeedReading.open(server);
    expect({ status: feed.status, text: feed.text }).toEqual({ status: 200, text: '' });
    expect(feed.headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    feed.close();
  });
});

describe('the status of the server', () => {
  it('is for everybody', async () => {
    const answer = await sendHttp(server.url(''), { path: '/pushy/_status' });
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.json).toEqual({
      status: "it's alive",
      incarnation_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      node_fsm_count: 1,
      job_processes: [],
    });
  });
});

describe('paths and methods', () => {
  it.each(['jobs/', 'node_states/', 'node_states/web1/', '/jobs'])(
    '%s is the same resource',
    async (path) => {
      expect((await get(path)).status).toBe(200);
    },
  );

  it.each(['/pushy/_status/', '//pushy//_status'])('%s is the same resource', async (path) => {
    expect((await sendHttp(server.url(''), { path })).status).toBe(200);
  });

  it.each(['GET', 'POST', 'OPTIONS', 'DELETE'])('%s config/ without a node is no route', async (method) => {
    const answer = await sendHttp(server.url(''), { method, path: `${PUSHY}/config/` });
    expect(answer).toMatchObject({ status: 404, json: { error: ['there is no such resource'] } });
  });

  const SERVED: readonly (readonly [path: string, allow: string])[] = [
    [`${PUSHY}/config/web1`, 'GET'],
    [`${PUSHY}/jobs`, 'GET, POST'],
    [`${PUSHY}/jobs/${UNKNOWN_JOB}`, 'GET'],
    [`${PUSHY}/jobs/${UNKNOWN_JOB}/output/web1/stdout`, 'GET'],
    [`${PUSHY}/jobs/${UNKNOWN_JOB}/output/web1/stderr`, 'GET'],
    [`${PUSHY}/jobs/${UNKNOWN_JOB}/abort`, 'POST'],
    [`${PUSHY}/node_states`, 'GET'],
    [`${PUSHY}/node_states/web1`, 'GET'],
    [`${PUSHY}/job_status_feed`, 'GET'],
    [`${PUSHY}/job_status_feed/${UNKNOWN_JOB}`, 'GET'],
    ['/pushy/_status', 'GET'],
  ];
  const METHODS = ['HEAD', 'OPTIONS', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'];

  it.each(SERVED)('%s serves only %s', async (path, allow) => {
    const served = allow.split(', ');
    for (const method of METHODS.filter((name) => !served.includes(name))) {
      const { status, headers, json } = await sendHttp(server.url(''), { method, path });
      expect({ method, status, allow: headers.allow }).toEqual({ method, status: 405, allow });
      if (method !== 'HEAD') {
        expect(json).toEqual({ error: [`${method} is not allowed here, only ${allow}`] });
      }
    }
  });
});

describe('the config of any node, where node names are not checked', () => {
  beforeAll(async () => {
    await server.halt();
    Object.assign(server.config, { validate_client_node_name: false });
    await server.boot();
  });

  it.each([
    ['with a NUL', 'a%00b', 400],
    ['that is too long', 'n'.repeat(1025), 400],
    ['that is just not too long', 'n'.repeat(1024), 200],
    ['that means something in a path', '%2e%2e%2fweb1', 200],
  ])('by a name %s', async (_what, name, status) => {
    const { curve } = await server.identity('web1');
    const { status: answered, json } = await get(
      `config/${name}?ccpk=${encodeURIComponent(curve.publicKey)}`,
    );
    expect(answered).toBe(status);
    if (status === 400)
      expect(json).toEqual({ error: ['the name of a node is 1 to 1024 bytes without NUL'] });
  });
});
