import { createPrivateKey, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePrivateKey } from '../../dev-chef-server/key-pair.js';
import { ORG, ServerUnderTest } from '../../support/server-under-test.js';
import { sendSigned, type TestSigner } from '../../support/signed-sender.js';

const PUSHY = `/organizations/${ORG}/pushy`;
const CCPK = encodeURIComponent('rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7');

let server: ServerUnderTest;
let pem: string;
let otherPem: string;
let key: KeyObject;
let otherKey: KeyObject;

const statusFor = async (signer: TestSigner, path = 'jobs'): Promise<number> =>
  (await sendSigned(server.url(''), signer, { path: `${PUSHY}/${path}` })).status;

beforeAll(async () => {
  [pem, otherPem] = await Promise.all([makePrivateKey(), makePrivateKey()]);
  [key, otherKey] = [createPrivateKey(pem), createPrivateKey(otherPem)];
  server = await ServerUnderTest.start();
});
afterAll(() => server.close());

/** REST API, "Authentication", on the routes of the whole server. */
describe('a request is believed', () => {
  it.each(['1.0', '1.1', '1.2', '1.3'] as const)('signed by version %s, with a body', async (version) => {
    const body = JSON.stringify({ command: 'chef-client', nodes: ['away'] });
    const request = { method: 'POST', path: `${PUSHY}/jobs`, body };
    const headers = { 'Content-Type': 'application/json' };
    const signer = { user: 'alice', key: server.userKey, version };
    expect((await sendSigned(server.url(''), signer, { ...request, headers })).status).toBe(201);
  });

  it.each(['spki', 'pkcs1', 'x509'] as const)('whose key is kept as %s', async (form) => {
    await server.chef.createUser(`of-${form}`, { orgs: [ORG], privateKey: pem, form });
    expect(await statusFor({ user: `of-${form}`, key })).toBe(200);
    expect(await statusFor({ user: `of-${form}`, key: otherKey })).toBe(401);
  });

  it('by any of several keys', async () => {
    await server.chef.createUser('multi', { orgs: [ORG], privateKey: pem });
    await server.chef.addKey({ name: 'multi' }, 'laptop', { privateKey: otherPem });
    expect(await statusFor({ user: 'multi', key })).toBe(200);
    expect(await statusFor({ user: 'multi', key: otherKey })).toBe(200);
    server.chef.deleteKey({ name: 'multi' }, 'laptop');
    expect(await statusFor({ user: 'multi', key: otherKey })).toBe(401);
  });

  it('from a user and from a client of one name, each with its own rights', async () => {
    await server.chef.createUser('dual', { orgs: [ORG], privateKey: pem });
    await server.chef.createClient(ORG, 'dual', { privateKey: otherPem });
    server.chef.setGroup(ORG, 'pushy_job_readers', { users: ['dual'] });
    const config = `config/web9?ccpk=${CCPK}`;
    expect([
      await statusFor({ user: 'dual', key }),
      await statusFor({ user: 'dual', key: otherKey }),
    ]).toEqual([200, 403]);
    // A user may look at any node's config, a client at its own only.
    expect(await statusFor({ user: 'dual', key }, config)).toBe(200);
    expect(await statusFor({ user: 'dual', key: otherKey }, config)).toBe(403);
    expect(await statusFor({ user: 'dual', key: otherKey }, `config/dual?ccpk=${CCPK}`)).toBe(200);
    server.chef.deleteGroup(ORG, 'pushy_job_readers');
  });
});

/** REST API, "Rights": groups appear and vanish between two requests. */
describe('who may', () => {
  it('read: all members, until there is a group of readers', async () => {
    await server.chef.createUser('bob', { orgs: [ORG], privateKey: pem });
    const bob = { user: 'bob', key };
    expect(await statusFor(bob)).toBe(200);
    server.chef.setGroup(ORG, 'pushy_job_readers', { groups: ['readers'] });
    for (const path of ['jobs', 'node_states', 'node_states/web1'])
      expect(await statusFor(bob, path)).toBe(403);
    server.chef.setGroup(ORG, 'readers', { users: ['bob'], groups: ['pushy_job_readers'] });
    expect(await statusFor(bob)).toBe(200);
    server.chef.deleteGroup(ORG, 'pushy_job_readers');
    expect(await statusFor(bob)).toBe(200);
  });

  it('start a job: administrators, until there is a group of writers', async () => {
    await server.chef.createUser('carol', { orgs: [ORG], privateKey: pem });
    const start = async (signer: TestSigner): Promise<number> => {
      const body = JSON.stringify({ command: 'chef-client', nodes: ['away'] });
      const headers = { 'Content-Type': 'application/json' };
      const request = { method: 'POST', path: `${PUSHY}/jobs`, body, headers };
      return (await sendSigned(server.url(''), signer, request)).status;
    };
    const alice = { user: 'alice', key: server.userKey };
    const carol = { user: 'carol', key };
    expect([await start(alice), await start(carol)]).toEqual([201, 403]);
    server.chef.setGroup(ORG, 'pushy_job_writers', { users: ['carol'] });
    expect([await start(alice), await start(carol)]).toEqual([403, 201]);
    server.chef.deleteGroup(ORG, 'pushy_job_writers');
    expect([await start(alice), await start(carol)]).toEqual([201, 403]);
  });
});
