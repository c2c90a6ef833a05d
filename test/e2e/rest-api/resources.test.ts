import { beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../../src/shared/protocol/rest-schemas.js';
import { FeedReader } from '../../support/feed-reader.js';
import { type PlainResponse, type PlainRequest, sendHttp } from '../../support/http-request.js';
import type { SimulatedNode } from '../../support/simulated-node.js';
import { sendSigned } from '../../support/signed-sender.js';
import { QUIET_SETTINGS } from '../../support/server-settings.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

const PUSHY = `/organizations/${ORG}/pushy`;
const UNKNOWN_JOB = 'f'.repeat(32);
const RFC_1123 = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

const server = useServer({ ...QUIET_SETTINGS, keep_alive_time: 3600 });
let web1: SimulatedNode;
/** An ended job on web1 with all options and with output. */
let endedId: string;

const send = (request: PlainRequest): Promise<PlainResponse> =>
  sendSigned(server.url(''), { user: 'alice', key: server.userKey }, request);
const get = (path: string, headers: Record<string, string> = {}): Promise<PlainResponse> =>
  send({ path: `${PUSHY}/${path}`, headers });
const post = (body: object, headers: Record<string, string> = {}): Promise<PlainResponse> =>
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
  web1 = await server.availableNode('web1');
  endedId = await run({
    command: 'chef-client',
    ...OPTIONS,
    file: 'raw:hello',
    run_timeout: 60,
    capture_output: true,
  });
});

describe('a job', () => {
  const shown = () => ({
    id: endedId,
    command: 'chef-client',
    status: 'complete',
    run_timeout: 60,
    created_at: expect.stringMatching(RFC_1123) as string,
    updated_at: expect.stringMatching(RFC_1123) as string,
    ...OPTIONS,
    capture_output: true,
    file_specified: true,
  });

  it('is shown with all fields and its nodes by status', async () => {
    const { status, json, headers } = await get(`jobs/${endedId}`);
    expect({ status, json }).toEqual({ status: 200, json: { ...shown(), nodes: { succeeded: ['web1'] } } });
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it('is listed without its nodes', async () => {
    expect((await get('jobs')).json).toContainEqual(shown());
  });

  it('is shown with its file for include_file=true', async () => {
    const { file_specified: _flag, ...others } = shown();
    expect((await get(`jobs/${endedId}?include_file=true`)).json).toEqual({
      ...others,
      file: 'raw:hello',
      nodes: { succeeded: ['web1'] },
    });
    expect((await get(`jobs/${endedId}?include_file=yes`)).json).toMatchObject({ file_specified: true });
  });

  it('is shown without optional fields that were not in the request', async () => {
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

  it.each(['0', '-1', ''])('is not found by its id with a suffix: "%s"', async (extra) => {
    expect((await get(`jobs/${endedId}${extra}`)).status).toBe(extra === '' ? 200 : 404);
  });

  it('is not found by its id in capitals', async () => {
    const capitals = endedId.toUpperCase();
    const { status, json } = await get(`jobs/${capitals === endedId ? `${endedId}A` : capitals}`);
    expect({ status, json }).toEqual({ status: 404, json: { error: [expect.any(String)] } });
  });

  it('of another organization is not found, nor its output and feed', async () => {
    server.chef.createOrganization('globex');
    server.chef.associate('globex', 'alice', true);
    const path = `/organizations/globex/pushy`;
    for (const [resource, accept] of [
      [`jobs/${endedId}`, 'application/json'],
      [`jobs/${endedId}/output/web1/stdout`, 'application/octet-stream'],
      [`job_status_feed/${endedId}`, 'text/event-stream'],
    ] as const) {
      expect((await send({ path: `${path}/${resource}`, headers: { Accept: accept } })).status).toBe(404);
    }
    expect((await send({ path: `${path}/jobs` })).json).toEqual([]);
    expect((await send({ path: `${path}/node_states` })).json).toEqual([]);
    expect((await send({ path: `${path}/node_states?details=true` })).json).toEqual([]);
    expect((await send({ path: `${path}/node_states/web1?details=true` })).json).toMatchObject({
      reason: 'never_seen',
    });
    expect((await send({ path: `${path}/jobs/${endedId}?details=true` })).status).toBe(404);
    expect((await send({ method: 'POST', path: `${path}/jobs/${endedId}/abort` })).status).toBe(404);
  });

  it('of another organization is not found by cursor, filter, dry run or Idempotency-Key', async () => {
    server.chef.createOrganization('initech');
    server.chef.associate('initech', 'alice', true);
    const path = '/organizations/initech/pushy/jobs';
    const start = (job: object) => ({
      method: 'POST',
      body: JSON.stringify({ command: 'chef-client', nodes: ['web1'], quorum: 0, ...job }),
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'of-two-organizations' },
    });
    const first = await send({ ...start({}), path: `${PUSHY}/jobs` });
    await web1.expectCommand('commit');
    const second = await send({ ...start({}), path });
    const [mine, theirs] = [first, second].map(({ json }) => (json as { uri: string }).uri.slice(-32));
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
      ['without proxy headers', {}, () => server.url('')],
      [
        'with the scheme of the proxy',
        { 'X-Forwarded-Proto': 'https', Host: 'chef.example.com' },
        () => 'https://chef.example.com',
      ],
      ['with an unusual port', { Host: 'chef.example.com:8443' }, () => 'http://chef.example.com:8443'],
      [
        'with the default port',
        { 'X-Forwarded-Proto': 'https', Host: 'chef.example.com:443' },
        () => 'https://chef.example.com',
      ],
    ];

  it.each(ORIGINS)('returns the URL of the job: %s', async (_what, headers, origin) => {
    const {
      status,
      json,
      headers: received,
    } = await post({ command: 'chef-client', nodes: ['offline'], quorum: 0 }, headers);
    const { uri } = json as { uri: string };
    expect(status).toBe(201);
    expect(json).toEqual({ uri });
    expect(received.location).toBe(uri);
    const prefix = `${origin()}${PUSHY}/jobs/`;
    expect(uri.startsWith(prefix)).toBe(true);
    expect(uri.slice(prefix.length)).toMatch(new RegExp(`^${server.orgId.slice(-12)}[0-9a-f]{20}$`));
  });

  it('counts a repeated node once, also for the quorum', async () => {
    const id = await server.startJob({ nodes: ['offline', 'offline'] });
    expect((await server.jobBecomes(id, 'quorum_failed')).nodes).toEqual({ unavailable: ['offline'] });
  });

  it('with a quorum of 0 completes the job although all nodes are offline', async () => {
    await server.jobBecomes(await server.startJob({ nodes: ['offline'], quorum: 0 }), 'complete');
  });

  it('with a quorum above the number of nodes ends as quorum_failed', async () => {
    const id = await server.startJob({ nodes: ['offline'], quorum: 2 });
    expect((await server.jobBecomes(id, 'quorum_failed')).nodes).toEqual({ unavailable: ['offline'] });
  });
});

describe('the list of jobs', () => {
  it('starts with the oldest job', async () => {
    const first = await server.startJob({ nodes: ['offline'] });
    const second = await server.startJob({ nodes: ['offline'] });
    const ids = ((await get('jobs')).json as Job[]).map(({ id }) => id);
    expect(ids.slice(-2)).toEqual([first, second]);
  });
});

describe('captured output', () => {
  it('is returned as bytes', async () => {
    expect(await server.getOutput(endedId, 'web1', 'stdout')).toMatchObject({
      value: {
        status: 200,
        headers: { 'content-type': 'application/octet-stream' },
        body: Buffer.from('out\n'),
      },
    });
  });

  it('is empty if the command wrote nothing', async () => {
    const response = await get(`jobs/${endedId}/output/web1/stderr`, { Accept: '*/*' });
    expect(response).toMatchObject({ status: 200, text: '' });
  });

  it.each(['web2/stdout', 'web1/stdlog', 'web1'])('is not found for %s', async (rest) => {
    const response = await get(`jobs/${endedId}/output/${rest}`, { Accept: '*/*' });
    expect(response).toMatchObject({ status: 404, json: { error: [expect.any(String)] } });
  });

  it('is not found for an unknown job', async () => {
    expect((await get(`jobs/${UNKNOWN_JOB}/output/web1/stdout`, { Accept: '*/*' })).status).toBe(404);
  });
});

describe('nodes', () => {
  it('are listed if they are online', async () => {
    expect((await get('node_states')).json).toEqual([{ node_name: 'web1', availability: 'available' }]);
  });

  it('are shown with status and availability', async () => {
    expect(await get('node_states/web1')).toMatchObject({ status: 200 });
    expect((await get('node_states/web1')).json).toEqual({
      node_name: 'web1',
      status: 'online',
      availability: 'available',
    });
  });

  it('are offline and unavailable if they were never seen', async () => {
    const response = await get('node_states/nosuch');
    expect(response.status).toBe(200);
    expect(response.json).toEqual({ node_name: 'nosuch', status: 'offline', availability: 'unavailable' });
  });

  it('get their config without a node object on the Chef Server', async () => {
    const document = await server.fetchConfig(await server.createIdentity('nameless'));
    expect(document).toMatchObject({ type: 'config', node: 'nameless', organization: ORG });
  });
});

describe('a feed without events', () => {
  it('sends its headers before the first event or keepalive', async () => {
    const feed = await FeedReader.open(server);
    expect({ status: feed.status, text: feed.text }).toEqual({ status: 200, text: '' });
    expect(feed.headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    feed.close();
  });
});

describe('the status of the server', () => {
  it('needs no signature', async () => {
    const response = await sendHttp(server.url(''), { path: '/pushy/_status' });
    expect(response).toMatchObject({ status: 200 });
    expect(response.json).toEqual({
      status: "it's alive",
      incarnation_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      node_fsm_count: 1,
      job_processes: [],
    });
  });
});
