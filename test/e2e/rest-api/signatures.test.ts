import { createPrivateKey, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makePrivateKey } from '../../dev-chef-server/key-pair.js';
import { sendSigned, type TestSigner } from '../../support/signed-sender.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

const PUSHY = `/organizations/${ORG}/pushy`;
const CCPK = encodeURIComponent('rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7');

const server = useServer();
let pem: string;
let otherPem: string;
let key: KeyObject;
let otherKey: KeyObject;

const statusFor = async (signer: TestSigner, path = 'jobs'): Promise<number> =>
  (await sendSigned(server.url(''), signer, { path: `${PUSHY}/${path}` })).status;

beforeAll(async () => {
  [pem, otherPem] = await Promise.all([makePrivateKey(), makePrivateKey()]);
  [key, otherKey] = [createPrivateKey(pem), createPrivateKey(otherPem)];
});

/** See docs/spec/rest-api.md, "Authentication". */
describe('a request is accepted', () => {
  it.each(['1.0', '1.1', '1.2', '1.3'] as const)('with a body and signing version %s', async (version) => {
    const body = JSON.stringify({ command: 'chef-client', nodes: ['away'] });
    const request = { method: 'POST', path: `${PUSHY}/jobs`, body };
    const headers = { 'Content-Type': 'application/json' };
    const signer = { user: 'alice', key: server.userKey, version };
    expect((await sendSigned(server.url(''), signer, { ...request, headers })).status).toBe(201);
  });

  it.each(['spki', 'pkcs1', 'x509'] as const)('if the Chef Server stores the key as %s', async (form) => {
    await server.chef.createUser(`of-${form}`, { orgs: [ORG], privateKey: pem, form });
    expect(await statusFor({ user: `of-${form}`, key })).toBe(200);
    expect(await statusFor({ user: `of-${form}`, key: otherKey })).toBe(401);
  });

  it('with any of several keys of a user', async () => {
    await server.chef.createUser('multi', { orgs: [ORG], privateKey: pem });
    await server.chef.addKey({ name: 'multi' }, 'laptop', { privateKey: otherPem });
    expect(await statusFor({ user: 'multi', key })).toBe(200);
    expect(await statusFor({ user: 'multi', key: otherKey })).toBe(200);
    server.chef.deleteKey({ name: 'multi' }, 'laptop');
    expect(await statusFor({ user: 'multi', key: otherKey })).toBe(401);
  });

  it('from a user and a client with the same name, each with its own rights', async () => {
    await server.chef.createUser('dual', { orgs: [ORG], privateKey: pem });
    await server.chef.createClient(ORG, 'dual', { privateKey: otherPem });
    server.chef.setGroup(ORG, 'pushy_job_readers', { users: ['dual'] });
    const config = `config/web9?ccpk=${CCPK}`;
    expect([
      await statusFor({ user: 'dual', key }),
      await statusFor({ user: 'dual', key: otherKey }),
    ]).toEqual([200, 403]);
    // A user may read any node's config, a client only its own.
    expect(await statusFor({ user: 'dual', key }, config)).toBe(200);
    expect(await statusFor({ user: 'dual', key: otherKey }, config)).toBe(403);
    expect(await statusFor({ user: 'dual', key: otherKey }, `config/dual?ccpk=${CCPK}`)).toBe(200);
    server.chef.deleteGroup(ORG, 'pushy_job_readers');
  });
});

/** Groups change between two requests. See docs/spec/rest-api.md, "Rights". */
describe('the right', () => {
  it('to read belongs to all members unless there is a group of readers', async () => {
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

  it('to start a job belongs to administrators unless there is a group of writers', async () => {
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
