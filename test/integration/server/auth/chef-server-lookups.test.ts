import { createPrivateKey, type KeyObject } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/shared/lib/deferred.js';
import { DevChefServer } from '../../../dev-chef-server/dev-chef-server.js';
import { makePrivateKey } from '../../../dev-chef-server/key-pair.js';
import { eventually } from '../../../support/eventually.js';
import { type HttpApp, startHttpApp } from '../../../support/http-app.js';
import { ProtectedController } from '../../../support/protected-controller.js';
import { sendSigned } from '../../../support/signed-sender.js';

let pem: string;
let otherPem: string;
let key: KeyObject;
let chef: DevChefServer;
let app: HttpApp;

const send = (signer: KeyObject = key, path = '/organizations/acme/pushy/things/1') =>
  sendSigned(app.url, { user: 'alice', key: signer }, { path });

const write = () =>
  sendSigned(
    app.url,
    { user: 'alice', key },
    {
      method: 'POST',
      path: '/organizations/acme/pushy/things',
      body: '{}',
      headers: { 'Content-Type': 'application/json' },
    },
  );

/** The requests to Chef Server, without those for the organization, which is cached. */
const lookups = (): string[] =>
  chef.requests
    .map(({ target }) => target.replace('/organizations/acme', ''))
    .filter((target) => target !== '');

beforeAll(async () => {
  [pem, otherPem] = await Promise.all([makePrivateKey(), makePrivateKey()]);
  key = createPrivateKey(pem);
  chef = await DevChefServer.start({ superuserKey: pem });
  chef.createOrganization('acme');
  await chef.createUser('alice', { orgs: ['acme'], privateKey: pem });
});

beforeEach(async () => {
  chef.setGroup('acme', 'pushy_job_readers', { users: ['alice'] });
  app = await startHttpApp({ chef, controllers: [ProtectedController] });
});

afterEach(async () => {
  chef.faults.clear();
  await app.close();
});

afterAll(() => chef.stop());

describe('lookups of names that Chef Server does not know', () => {
  it('do not delay the requests of known principals, however many wait', async () => {
    expect((await send()).status).toBe(200);
    const answer = deferred();
    chef.faults.add({ on: /stranger/, until: answer.promise });
    const strangers = Array.from({ length: 200 }, (_, number) =>
      sendSigned(
        app.url,
        { user: number % 2 === 0 ? `stranger${number}` : 'alice', key },
        { path: `/organizations/${number % 2 === 0 ? 'acme' : `stranger${number}`}/pushy/things/1` },
      ),
    );
    await eventually(() => chef.requests.filter(({ target }) => target.includes('stranger')).length >= 32);
    const known = await Promise.all(Array.from({ length: 20 }, () => send()));
    expect(known.map(({ status }) => status)).toEqual(Array(20).fill(200));
    answer.resolve();
    const statuses = (await Promise.all(strangers)).map(({ status }) => status);
    expect(statuses.filter((status) => status !== 401 && status !== 404)).toEqual([]);
  });

  it('use connections of their own until Chef Server has confirmed the name', async () => {
    await chef.createUser('newcomer', { orgs: ['acme'], privateKey: pem });
    chef.setGroup('acme', 'pushy_job_readers', { users: ['alice', 'newcomer'] });
    const asNewcomer = () =>
      sendSigned(app.url, { user: 'newcomer', key }, { path: '/organizations/acme/pushy/things/1' });
    expect((await asNewcomer()).status).toBe(200);
    const answer = deferred();
    chef.faults.add({ on: /stranger/, until: answer.promise });
    const strangers = Array.from({ length: 100 }, (_, number) =>
      sendSigned(app.url, { user: `stranger${number}`, key }, { path: '/organizations/acme/pushy/things/1' }),
    );
    await eventually(() => chef.requests.filter(({ target }) => target.includes('stranger')).length >= 32);
    expect((await asNewcomer()).status).toBe(200);
    answer.resolve();
    await Promise.all(strangers);
  });
});

describe('the lookups in Chef Server for a request', () => {
  /** Sends a request while Chef Server delays its response about the sender; returns the lookups until then. */
  const lookupsBeforeAuthentication = async (signer: KeyObject): Promise<string[]> => {
    const release = deferred();
    chef.faults.add({ on: /principals/, until: release.promise });
    chef.requests.length = 0;
    const response = send(signer);
    await eventually(() => lookups().some((target) => target.startsWith('/principals')));
    await new Promise((resolve) => setImmediate(resolve));
    const found = lookups();
    release.resolve(undefined);
    await response;
    return found;
  };

  it('include the groups immediately for a sender who was authorized before', async () => {
    expect((await send()).status).toBe(200);
    expect((await lookupsBeforeAuthentication(key)).sort()).toEqual([
      '/groups/pushy_job_readers',
      '/principals/alice',
    ]);
  });

  it('include the groups for an unknown sender only after the signature is verified', async () => {
    expect(await lookupsBeforeAuthentication(key)).toEqual(['/principals/alice']);
    chef.faults.clear();
    chef.requests.length = 0;
    expect((await send(createPrivateKey(otherPem))).status).toBe(401);
    expect((await send(key, '/organizations/globex/pushy/things/1')).status).toBe(404);
    expect(chef.requests.filter(({ target }) => target.includes('globex/groups'))).toEqual([]);
  });

  it('include the group admins only if there was no group of writers at the last write', async () => {
    const groupLookups = async (): Promise<string[]> => {
      chef.requests.length = 0;
      expect((await write()).status).toBe(201);
      return lookups()
        .filter((target) => target.startsWith('/groups/'))
        .sort();
    };
    chef.setGroup('acme', 'admins', { users: ['alice'] });
    const both = ['/groups/admins', '/groups/pushy_job_writers'];
    expect([await groupLookups(), await groupLookups()]).toEqual([both, both]);
    chef.setGroup('acme', 'pushy_job_writers', { users: ['alice'] });
    expect([await groupLookups(), await groupLookups()]).toEqual([both, ['/groups/pushy_job_writers']]);
    chef.deleteGroup('acme', 'pushy_job_writers');
    expect([await groupLookups(), await groupLookups()]).toEqual([both, both]);
  });

  it('apply current groups, also to a sender who was authorized before', async () => {
    expect((await send()).status).toBe(200);
    chef.setGroup('acme', 'pushy_job_readers', { users: [] });
    expect((await send()).status).toBe(403);
    chef.deleteGroup('acme', 'pushy_job_readers');
    expect((await send()).status).toBe(200);
  });
});
