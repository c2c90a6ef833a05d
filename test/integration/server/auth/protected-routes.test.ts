import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DevChefServer } from '../../../dev-chef-server/dev-chef-server.js';
import { makePrivateKey } from '../../../dev-chef-server/key-pair.js';
import { type HttpApp, startHttpApp } from '../../../support/http-app.js';
import { sendHttp } from '../../../support/http-request.js';
import { ProtectedController, PublicController } from '../../../support/protected-controller.js';
import { sendSigned, signedHeaders } from '../../../support/signed-sender.js';

const ACME = '/organizations/acme/pushy';
const THING = { path: `${ACME}/things/1` };
const NO_RIGHT = { error: [expect.stringContaining('does not have access to that action')] as unknown[] };

let pem: string;
let otherPem: string;
let key: KeyObject;
let otherKey: KeyObject;
let guid: string;
let chef: DevChefServer;
let app: HttpApp;

const get = (user: string, path: string, headers: Record<string, string> = {}) =>
  sendSigned(app.url, { user, key }, { path: `${ACME}/${path}`, headers });

const post = (user: string, headers: Record<string, string> = {}) =>
  sendSigned(
    app.url,
    { user, key },
    {
      method: 'POST',
      path: `${ACME}/things`,
      body: '{}',
      headers: { 'Content-Type': 'application/json', ...headers },
    },
  );

beforeAll(async () => {
  [pem, otherPem] = await Promise.all([makePrivateKey(), makePrivateKey()]);
  [key, otherKey] = [createPrivateKey(pem), createPrivateKey(otherPem)];
  chef = await DevChefServer.start({ superuserKey: pem });
  guid = chef.createOrganization('acme');
  chef.createOrganization('globex');
  await chef.createUser('alice', { orgs: ['acme'], admin: true, privateKey: pem });
  await chef.createUser('bob', { orgs: ['acme'], privateKey: pem });
  await chef.createUser('gina', { orgs: ['globex'], privateKey: pem });
  await chef.createClient('acme', 'web1', { privateKey: pem });
  await chef.createClient('globex', 'far1', { privateKey: pem });
  app = await startHttpApp({ chef, controllers: [ProtectedController, PublicController] });
});

afterAll(async () => {
  await app.close();
  await chef.stop();
});

afterEach(() => {
  chef.deleteGroup('acme', 'pushy_job_readers');
  chef.deleteGroup('acme', 'pushy_job_writers');
});

describe('the sender of a request', () => {
  it('is passed to the handler with name, type and organization', async () => {
    expect((await get('bob', 'things/1')).json).toEqual({
      name: 'bob',
      type: 'user',
      orgName: 'acme',
      orgId: guid,
    });
    expect((await get('web1', 'things/1')).json).toMatchObject({ name: 'web1', type: 'client' });
  });

  it.each(['gina', 'far1', 'pivotal'])('is rejected if not in the organization: %s', async (name) => {
    expect((await get(name, 'things/1')).status).toBe(name === 'far1' ? 401 : 403);
  });

  it.each(['1.0', '1.1', '1.2', '1.3'] as const)('may sign with version %s', async (version) => {
    const signer = { user: 'bob', key, version };
    expect((await sendSigned(app.url, signer, THING)).status).toBe(200);
  });

  it.each(['spki', 'pkcs1', 'x509'] as const)(
    'may have a key that Chef Server stores as %s',
    async (form) => {
      await chef.createUser(`of-${form}`, { orgs: ['acme'], privateKey: otherPem, form });
      const signer = { user: `of-${form}`, key: otherKey };
      expect((await sendSigned(app.url, signer, THING)).status).toBe(200);
    },
  );

  it('may use any of several keys, until it is deleted', async () => {
    await chef.createUser('multi', { orgs: ['acme'], privateKey: pem });
    await chef.addKey({ name: 'multi' }, 'laptop', { privateKey: otherPem });
    const ask = (used: KeyObject) => sendSigned(app.url, { user: 'multi', key: used }, THING);
    expect((await ask(key)).status).toBe(200);
    expect((await ask(otherKey)).status).toBe(200);
    chef.deleteKey({ name: 'multi' }, 'laptop');
    expect(await ask(otherKey)).toMatchObject({
      status: 401,
      json: { error: ["Invalid signature for user or client 'multi'"] },
    });
    expect((await ask(key)).status).toBe(200);
  });

  it('is the user or the client of the same name whose key verifies', async () => {
    await chef.createUser('dual', { orgs: ['acme'], privateKey: pem });
    await chef.createClient('acme', 'dual', { privateKey: otherPem });
    const ask = (used: KeyObject) => sendSigned(app.url, { user: 'dual', key: used }, THING);
    expect((await ask(key)).json).toMatchObject({ type: 'user' });
    expect((await ask(otherKey)).json).toMatchObject({ type: 'client' });
  });

  it('may be a client while a user of the same name is outside the organization', async () => {
    await chef.createUser('shared', { privateKey: pem });
    await chef.createClient('acme', 'shared', { privateKey: otherPem });
    const ask = (used: KeyObject) => sendSigned(app.url, { user: 'shared', key: used }, THING);
    expect((await ask(otherKey)).json).toMatchObject({ type: 'client' });
    expect(await ask(key)).toMatchObject({
      status: 403,
      json: { error: ["'shared' is not associated with organization 'acme'"] },
    });
  });

  it('is verified with current keys after a rotation, and after a client is deleted and created again', async () => {
    await chef.createClient('acme', 'fickle', { privateKey: pem });
    const ask = async (used: KeyObject) =>
      (await sendSigned(app.url, { user: 'fickle', key: used }, THING)).status;
    expect(await ask(key)).toBe(200);
    await chef.rotateKey({ name: 'fickle', org: 'acme' }, { privateKey: otherPem });
    expect([await ask(key), await ask(otherKey)]).toEqual([401, 200]);
    chef.deleteClient('acme', 'fickle');
    expect(await ask(otherKey)).toBe(401);
    await chef.createClient('acme', 'fickle', { privateKey: pem });
    expect([await ask(key), await ask(otherKey)]).toEqual([200, 401]);
  });

  it('is accepted as soon as the organization is created', async () => {
    const path = '/organizations/newcomer/pushy/things/1';
    expect((await sendSigned(app.url, { user: 'bob', key }, { path })).status).toBe(404);
    chef.createOrganization('newcomer');
    chef.associate('newcomer', 'bob');
    expect((await sendSigned(app.url, { user: 'bob', key }, { path })).status).toBe(200);
  });
});

describe('what the signature covers', () => {
  const signed = (path = THING.path) => signedHeaders({ user: 'bob', key }, { path });

  it.each([
    ['another path', { path: `${ACME}/things/2` }, 401],
    ['a query, which is not signed', { path: `${THING.path}?a=b` }, 200],
    ['a trailing slash', { path: `${THING.path}/` }, 200],
    ['runs of slashes', { path: THING.path.replaceAll('/', '//') }, 200],
    ['an escape that was not signed', { path: `${ACME}/things/%31` }, 401],
  ])('%s', async (_what, request, status) => {
    expect((await sendHttp(app.url, { ...request, headers: signed() })).status).toBe(status);
  });

  it.each(['a%2fb', 'a%00b', '%e2%82%ac'])('the path as it was sent, with escapes: %s', async (name) => {
    expect((await get('bob', `things/${name}`)).status).toBe(200);
  });

  it('the body', async () => {
    const request = { method: 'POST', path: `${ACME}/things`, body: '{}' };
    const headers = { ...signedHeaders({ user: 'alice', key }, request), 'Content-Type': 'application/json' };
    chef.setGroup('acme', 'pushy_job_writers', { users: ['alice'] });
    expect((await sendHttp(app.url, { ...request, headers })).status).toBe(201);
    const other = { ...headers, 'X-Ops-Content-Hash': signed()['X-Ops-Content-Hash'] ?? '' };
    expect((await sendHttp(app.url, { ...request, headers: other })).status).toBe(401);
  });

  it.each([
    ['X-Ops-UserId', 401],
    ['X-Ops-Timestamp', 401],
    ['X-Ops-Sign', 400],
    ['X-Ops-Content-Hash', 401],
    ['X-Ops-Authorization-1', 401],
  ])('a duplicate %s is rejected', async (name, status) => {
    const headers: Record<string, string | string[]> = signed();
    headers[name] = [headers[name] as string, headers[name] as string];
    expect((await sendHttp(app.url, { ...THING, headers })).status).toBe(status);
  });

  it('lists missing and empty headers in their order', async () => {
    const headers = { ...signed(), 'X-Ops-Sign': '', 'X-Ops-UserId': ' ' };
    expect(await sendHttp(app.url, { ...THING, headers })).toMatchObject({
      status: 400,
      json: { error: ["missing required authentication header(s) 'X-Ops-UserId', 'X-Ops-Sign'"] },
    });
    expect((await sendHttp(app.url, THING)).json).toEqual({
      error: [
        "missing required authentication header(s) 'X-Ops-UserId', 'X-Ops-Timestamp', 'X-Ops-Sign', 'X-Ops-Content-Hash'",
      ],
    });
  });

  it('rejects a missing signature as invalid', async () => {
    const headers = Object.fromEntries(
      Object.entries(signed()).filter(([name]) => !name.startsWith('X-Ops-Authorization')),
    );
    expect(await sendHttp(app.url, { ...THING, headers })).toMatchObject({
      status: 401,
      json: { error: ["Invalid signature for user or client 'bob'"] },
    });
  });

  it.each([
    ['unreadable', 'yesterday', ["bad header(s) 'X-Ops-Timestamp'"]],
    [
      'far behind',
      '2020-01-01T00:00:00Z',
      ['Failed to authenticate as bob. Synchronize the clock on your host.'],
    ],
    [
      'far ahead',
      '2120-01-01T00:00:00Z',
      ['Failed to authenticate as bob. Synchronize the clock on your host.'],
    ],
  ])('rejects a timestamp that is %s', async (_what, time, error) => {
    const headers = { ...signed(), 'X-Ops-Timestamp': time };
    expect(await sendHttp(app.url, { ...THING, headers })).toMatchObject({ status: 401, json: { error } });
  });
});

describe('names with special characters of URLs', () => {
  it.each(['..', '.', '../../users/alice', 'a/b', 'a\u00ffb', 'a b', '%2e%2e', 'a?b#c'])(
    'user %s',
    async (user) => {
      chef.requests.length = 0;
      expect(await get(user, 'things/1')).toMatchObject({
        status: 401,
        json: { error: [expect.stringContaining(`Failed to authenticate as '${user}'`)] },
      });
      for (const { target } of chef.requests) {
        expect(target).toMatch(/^\/organizations\/acme(\/principals\/[^/?#]+)?$/);
      }
    },
  );

  it.each(['%2e%2e', '..%2f..%2fusers', 'a%00b', 'ACME', '%ff', 'acme%2fprincipals'])(
    'organization %s',
    async (org) => {
      const path = `/organizations/${org}/pushy/things/1`;
      const answer = await sendSigned(app.url, { user: 'bob', key }, { path });
      expect([400, 404]).toContain(answer.status);
    },
  );

  it('are unknown if they are too long for a URL, and Chef Server does not count as unavailable', async () => {
    const long = 'x'.repeat(1025);
    chef.requests.length = 0;
    expect((await get(long, 'things/1')).status).toBe(401);
    const path = `/organizations/${long}/pushy/things/1`;
    expect((await sendSigned(app.url, { user: 'bob', key }, { path })).status).toBe(404);
    expect(chef.requests.filter(({ target }) => target.includes(long))).toEqual([]);
  });

  it('may be escaped in the organization', async () => {
    const path = '/organizations/%61cme/pushy/things/1';
    expect((await sendSigned(app.url, { user: 'bob', key }, { path })).status).toBe(200);
  });
});

describe('the right to read', () => {
  it('has every member if there is no group of readers', async () => {
    expect((await get('bob', 'things/1')).status).toBe(200);
    expect((await get('web1', 'things/1')).status).toBe(200);
  });

  it('has only the group of readers once it exists, with separate users and clients', async () => {
    chef.setGroup('acme', 'pushy_job_readers', { users: ['web1'], clients: ['bob'] });
    expect(await get('bob', 'things/1')).toMatchObject({ status: 403, json: NO_RIGHT });
    expect((await get('web1', 'things/1')).status).toBe(403);
    chef.setGroup('acme', 'pushy_job_readers', { users: ['bob'], clients: ['web1'] });
    expect((await get('bob', 'things/1')).status).toBe(200);
    expect((await get('web1', 'things/1')).status).toBe(200);
    expect((await get('alice', 'things/1')).status).toBe(403);
  });

  it('has every member of nested groups, also if these form a cycle or do not exist', async () => {
    chef.setGroup('acme', 'pushy_job_readers', { groups: ['ring1', 'gone'] });
    chef.setGroup('acme', 'ring1', { groups: ['ring2'] });
    chef.setGroup('acme', 'ring2', { groups: ['ring1', 'pushy_job_readers', 'inner'] });
    chef.setGroup('acme', 'inner', { users: ['bob'] });
    expect((await get('bob', 'things/1')).status).toBe(200);
    expect((await get('alice', 'things/1')).status).toBe(403);
  });

  it('has no member of a nested group with an invalid name', async () => {
    chef.setGroup('acme', 'pushy_job_readers', { groups: ['half a pair \ud83d'] });
    expect((await get('bob', 'things/1')).status).toBe(403);
  });

  it('has nobody while Chef Server does not show the group', async () => {
    const removeFault = chef.faults.add({ on: /groups/, status: 500 });
    expect(await get('bob', 'things/1')).toMatchObject({ status: 403, json: NO_RIGHT });
    removeFault();
    expect((await get('bob', 'things/1')).status).toBe(200);
  });
});

describe('the right to write', () => {
  it('has every admin if there is no group of writers', async () => {
    expect((await post('alice')).status).toBe(201);
    expect(await post('bob')).toMatchObject({ status: 403, json: NO_RIGHT });
    expect((await post('web1')).status).toBe(403);
  });

  it('has only the group of writers once it exists, admins or not', async () => {
    chef.setGroup('acme', 'pushy_job_writers', { users: ['bob'] });
    expect((await post('bob')).status).toBe(201);
    expect((await post('alice')).status).toBe(403);
    chef.deleteGroup('acme', 'pushy_job_writers');
    expect((await post('bob')).status).toBe(403);
    expect((await post('alice')).status).toBe(201);
  });

  it('has nobody if neither group exists', async () => {
    chef.deleteGroup('acme', 'admins');
    expect((await post('alice')).status).toBe(403);
    chef.setGroup('acme', 'admins', { users: ['alice'] });
  });

  it.each([
    ['application/json', 201],
    ['application/json; charset=utf-8', 201],
    ['Application/JSON', 201],
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/jsonx', 415],
    ['', 415],
  ])('responds to content type %s with %i', async (type, status) => {
    expect((await post('alice', { 'Content-Type': type })).status).toBe(status);
  });

  it('rejects a compressed body', async () => {
    expect(await post('alice', { 'Content-Encoding': 'gzip' })).toMatchObject({
      status: 415,
      json: { error: ["Content-Encoding must be left out, 'gzip' is not understood"] },
    });
  });
});

describe('the right to fetch a config', () => {
  it('has a client only for the node of its own name', async () => {
    expect((await get('web1', 'config/web1?ccpk=x')).status).toBe(200);
    expect((await get('web1', 'config/%77eb1?ccpk=x')).status).toBe(200);
    expect(await get('web1', 'config/web2?ccpk=x')).toMatchObject({
      status: 403,
      json: { error: ['Client and node name must match'] },
    });
  });

  it('has a client that may not read', async () => {
    chef.setGroup('acme', 'pushy_job_readers');
    expect((await get('web1', 'config/web1?ccpk=x')).status).toBe(200);
  });

  it('has a user who may read', async () => {
    expect((await get('bob', 'config/web1?ccpk=x')).status).toBe(200);
    chef.setGroup('acme', 'pushy_job_readers');
    expect(await get('bob', 'config/web1?ccpk=x')).toMatchObject({ status: 403, json: NO_RIGHT });
  });

  it('is checked after the query is parsed', async () => {
    expect(await get('mallory', 'config/web1')).toMatchObject({
      status: 400,
      json: { error: ['Missing ccpk'] },
    });
  });

  it('passes the handler the key that verified the request', async () => {
    const publicKey = createPublicKey(pem).export({ type: 'spki', format: 'pem' });
    expect((await get('web1', 'config/web1?ccpk=x')).json).toEqual({ publicKey });
  });

  it.each(['GET', 'POST', 'DELETE'])('%s without a node name is an unknown route', async (method) => {
    expect(await sendHttp(app.url, { method, path: `${ACME}/config/` })).toMatchObject({ status: 404 });
  });

  it('has a client for any node without validate_client_node_name', async () => {
    const lenient = await startHttpApp({
      chef,
      controllers: [ProtectedController],
      config: { validate_client_node_name: false },
    });
    const path = `${ACME}/config/web2?ccpk=x`;
    expect((await sendSigned(lenient.url, { user: 'web1', key }, { path })).status).toBe(200);
    await lenient.close();
  });
});

describe('Accept', () => {
  it.each([
    ['things/1', 'application/json', 200],
    ['things/1', '*/*', 200],
    ['things/1', 'application/*;q=0.1', 200],
    ['things/1', 'text/html, application/json;q=0.5', 200],
    ['things/1', 'text/html', 406],
    ['things/1', 'application/json;q=0, */*;q=0', 406],
    ['things/1', 'application/octet-stream', 406],
    ['things/1/bytes', 'application/octet-stream', 200],
    ['things/1/bytes', 'application/json', 406],
    ['feed', 'text/event-stream', 200],
    ['feed', '*/*', 200],
    ['feed', 'text/*', 200],
    ['feed', 'application/json', 406],
  ])('responds for %s as %s with %i', async (path, accept, status) => {
    expect((await get('bob', path, { Accept: accept })).status).toBe(status);
  });

  it('may be missing, but not for a feed', async () => {
    expect((await get('bob', 'things/1')).status).toBe(200);
    expect(await get('bob', 'feed')).toMatchObject({
      status: 406,
      json: { error: ['this is a feed: the header Accept must name text/event-stream'] },
    });
  });
});

describe('a route without protection', () => {
  it.each(['/pushy/_status', '/pushy/_status/', '//pushy/_status'])(
    '%s responds to anybody',
    async (path) => {
      expect(await sendHttp(app.url, { path })).toMatchObject({
        status: 200,
        json: { status: "it's alive" },
      });
    },
  );
});
