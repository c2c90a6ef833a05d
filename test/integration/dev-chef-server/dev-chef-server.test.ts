import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createPrivateKey } from 'node:crypto';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/lib/clock.js';
import { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import { SignedHttp } from '../../../src/shared/platform/http/signed-http.js';
import { DevChefServer } from '../../dev-chef-server/dev-chef-server.js';
import { makePrivateKey } from '../../dev-chef-server/key-pair.js';
import { StateFolder } from '../../dev-chef-server/state-folder.js';

const http = new HttpClient();
let privateKey: string;
let chef: DevChefServer;

const signedBy = (userId: string, key = privateKey): SignedHttp =>
  new SignedHttp(http, { userId, key: createPrivateKey(key) }, systemClock);

const request = async (client: Pick<SignedHttp, 'send'>, path: string, body?: unknown) => {
  const response = await client.send({
    url: `${chef.url}${path}`,
    ...(body === undefined ? { method: 'GET' } : { method: 'POST', body: Buffer.from(JSON.stringify(body)) }),
  });
  if (!response.ok) throw new Error(response.error.reason);
  return { status: response.value.status, body: JSON.parse(response.value.body.toString()) as unknown };
};

beforeAll(async () => {
  privateKey = await makePrivateKey();
  chef = await DevChefServer.start({ superuserKey: privateKey });
  chef.createOrganization('acme');
  await chef.createUser('alice', { orgs: ['acme'], privateKey });
  await chef.createUser('eve', { privateKey });
  await chef.createClient('acme', 'web1', { privateKey });
  for (const [name, role] of [['web1', 'web'] as const, ['web2', 'web'] as const, ['db1', 'db'] as const]) {
    chef.createNode('acme', name, { role });
  }
});

afterAll(async () => {
  await chef.stop();
  await http.close();
});

describe('the development Chef Server', () => {
  it.each([
    ['a user of the organization', 'alice', 200],
    ['a client of the organization', 'web1', 200],
    ['the superuser', 'pivotal', 200],
    ['a user of no organization', 'eve', 403],
    ['an unknown user', 'mallory', 401],
  ])('responds to %s (%s) with %i', async (_who, name, status) => {
    expect(await request(signedBy(name), '/organizations/acme/nodes')).toMatchObject({ status });
  });

  it('rejects a signature by another key and an unsigned request', async () => {
    const wrong = signedBy('alice', await makePrivateKey());
    expect(await request(wrong, '/organizations/acme/nodes')).toMatchObject({ status: 401 });
    expect(await request(http, '/organizations/acme/nodes')).toMatchObject({ status: 400 });
  });
});

describe('changes by administrators', () => {
  const send = async (
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    { as = 'pivotal', body }: { as?: string; body?: unknown } = {},
  ) => {
    const response = await signedBy(as).send({
      method,
      url: `${chef.url}/organizations/acme/${path}`,
      headers: { 'X-Ops-Server-API-Version': '1' },
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    });
    if (!response.ok) throw new Error(response.error.reason);
    return { status: response.value.status, body: JSON.parse(response.value.body.toString()) as unknown };
  };
  const group = () => send('GET', 'groups/admins');

  it('create a client once, with a valid key, and remove it from its groups when it is deleted', async () => {
    const body = { name: 'guest', validator: false, create_key: true };
    const created = await send('POST', 'clients', { body });
    expect(created).toMatchObject({
      status: 201,
      body: { uri: `${chef.url}/organizations/acme/clients/guest`, chef_key: { name: 'default' } },
    });
    const { chef_key } = created.body as { chef_key: { private_key: string } };
    expect(await request(signedBy('guest', chef_key.private_key), '/organizations/acme/nodes')).toMatchObject(
      {
        status: 200,
      },
    );
    expect(await send('POST', 'clients', { body })).toMatchObject({ status: 409 });
    await send('PUT', 'groups/admins', { body: { groupname: 'admins', actors: { clients: ['guest'] } } });
    expect(await send('DELETE', 'clients/guest')).toMatchObject({ status: 200, body: { name: 'guest' } });
    expect(await send('DELETE', 'clients/guest')).toMatchObject({ status: 404 });
    expect(await group()).toMatchObject({ body: { clients: [] } });
  });

  it('replace all members of a group', async () => {
    const actors = { users: ['alice'], clients: ['web1'], groups: ['users'] };
    expect(await send('PUT', 'groups/admins', { body: { groupname: 'admins', actors } })).toMatchObject({
      status: 200,
    });
    expect(await group()).toMatchObject({ body: actors });
    const withUnknownUser = { groupname: 'admins', actors: { users: ['nobody'] } };
    expect(await send('PUT', 'groups/admins', { body: withUnknownUser })).toMatchObject({ status: 500 });
    expect(await send('PUT', 'groups/none', { body: withUnknownUser })).toMatchObject({ status: 404 });
    await send('PUT', 'groups/admins', { body: { groupname: 'admins', actors: { users: [] } } });
    expect(await group()).toMatchObject({ body: { users: [], clients: [], groups: [] } });
  });

  it('are rejected for other users and clients', async () => {
    const body = { name: 'guest' };
    expect(await send('POST', 'clients', { as: 'alice', body })).toMatchObject({ status: 403 });
    expect(await send('DELETE', 'clients/web1', { as: 'web1' })).toMatchObject({ status: 403 });
  });
});

describe('searches for nodes', () => {
  const find = (query: string, body?: unknown) =>
    request(signedBy('alice'), `/organizations/acme/search/node?q=${encodeURIComponent(query)}`, body);

  it.each([
    ['*:*', ['db1', 'web1', 'web2']],
    ['name:*', ['db1', 'web1', 'web2']],
    ['name:web*', ['web1', 'web2']],
    ['name:web2', ['web2']],
    ['role:db', ['db1']],
    ['name:web1 OR role:db', ['db1', 'web1']],
    ['name:none', []],
  ])('%s finds %j', async (query, names) => {
    expect(await find(query)).toMatchObject({
      status: 200,
      body: { total: names.length, start: 0, rows: names.map((name) => ({ name })) },
    });
  });

  it('return URLs and the requested keys in a partial search', async () => {
    expect(await find('name:web1', { name: ['name'], role: ['role'], none: ['a', 'b'] })).toEqual({
      status: 200,
      body: {
        total: 1,
        start: 0,
        rows: [
          {
            url: `${chef.url}/organizations/acme/nodes/web1`,
            data: { name: 'web1', role: 'web', none: null },
          },
        ],
      },
    });
  });

  it('are rejected if the query is not supported', async () => {
    expect(await find('name:[a TO b]')).toMatchObject({ status: 400 });
  });
});

describe('a restart', () => {
  it('keeps keys and organizations', async () => {
    const path = mkdtempSync(join(tmpdir(), 'dev-chef-server-'));
    const folder = new StateFolder(path);
    const before = await DevChefServer.start({
      superuserKey: privateKey,
      onChange: (state) => folder.save(state),
    });
    const guid = before.createOrganization('acme');
    await before.createUser('alice', { orgs: ['acme'], privateKey });
    folder.writeKey('alice', privateKey);
    await before.stop();

    const after = await DevChefServer.start({
      superuserKey: privateKey,
      state: new StateFolder(path).load(),
    });
    expect(after.state).toEqual(before.state);
    expect(after.state.organizations.get('acme')?.guid).toBe(guid);
    expect(folder.readKey('alice')).toBe(privateKey);
    for (const file of ['alice.pem', 'state.json'])
      expect(statSync(join(path, file)).mode & 0o777).toBe(0o600);
    await after.stop();
    rmSync(path, { recursive: true });
  });
});

describe('requests for push jobs', () => {
  let pushy: Server;
  const seen: { url: string | undefined; host: string | undefined; proto: unknown }[] = [];

  beforeAll(async () => {
    pushy = createServer((request, response) => {
      seen.push({
        url: request.url,
        host: request.headers.host,
        proto: request.headers['x-forwarded-proto'],
      });
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: one\n\n'); // the response stays open, as a feed does
    }).listen(0, '127.0.0.1');
    await once(pushy, 'listening');
    chef.pushyUrl = `http://127.0.0.1:${(pushy.address() as AddressInfo).port}`;
  });

  afterAll(() => {
    pushy.closeAllConnections();
    pushy.close();
  });

  it('are forwarded with unchanged path and host, and the response is streamed', async () => {
    const path = '//organizations//acme/pushy/config/a%2fb/?ccpk=%00';
    const socket = connect(Number(new URL(chef.url).port), '127.0.0.1');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: chef.example.com\r\n\r\n`);
    let text = '';
    while (!text.includes('data: one')) text += String((await once(socket, 'data'))[0]);
    expect(text).toContain('200 OK');
    expect(seen).toEqual([{ url: path, host: 'chef.example.com', proto: 'http' }]);
    socket.destroy();
  });

  it('get 502 if the Push Jobs server is unreachable', async () => {
    chef.pushyUrl = 'http://127.0.0.1:1';
    const response = await http.send({ method: 'GET', url: `${chef.url}/pushy/_status` });
    expect(response).toMatchObject({ value: { status: 502 } });
  });
});
