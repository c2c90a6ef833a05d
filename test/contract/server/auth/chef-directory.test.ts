import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChefServerWatch } from '../../../../src/server/auth/chef-server-watch.js';
import { HttpChefDirectory } from '../../../../src/server/auth/http-chef-directory.js';
import { systemClock } from '../../../../src/shared/lib/clock.js';
import { deferred } from '../../../../src/shared/lib/deferred.js';
import { HttpClient } from '../../../../src/shared/platform/http/http-client.js';
import { SignedHttp } from '../../../../src/shared/platform/http/signed-http.js';
import { DevChefServer, type DevChefServerOptions } from '../../../dev-chef-server/dev-chef-server.js';
import { makePrivateKey } from '../../../dev-chef-server/key-pair.js';
import { eventually } from '../../../support/eventually.js';
import { startHttpApp } from '../../../support/http-app.js';
import { ProtectedController } from '../../../support/protected-controller.js';
import { sendSigned } from '../../../support/signed-sender.js';

let pem: string;
let otherPem: string;

beforeAll(async () => {
  [pem, otherPem] = await Promise.all([makePrivateKey(), makePrivateKey()]);
});

const openDirectory = (chef: DevChefServer, now?: () => number): HttpChefDirectory => {
  const http = new HttpClient();
  const superuser = new SignedHttp(http, { userId: 'pivotal', key: createPrivateKey(pem) }, systemClock);
  return new HttpChefDirectory(
    { unsigned: http, superuser },
    { unsigned: http, superuser },
    { erchefUrl: `${chef.url}/`, rootUrl: chef.url, chefVersion: '11.1.0', timeoutMs: () => 5_000 },
    pino({ level: 'silent' }),
    new ChefServerWatch(new Registry()),
    now,
  );
};

it('returns the new guid of an organization within a minute after it was deleted and created again', async () => {
  const chef = await DevChefServer.start({ superuserKey: pem });
  let now = 0;
  const directory = openDirectory(chef, () => now);
  const before = chef.createOrganization('phoenix');
  expect(await directory.orgId('phoenix')).toEqual({ ok: true, value: before });
  const after = chef.createOrganization('phoenix');
  expect(await directory.orgId('phoenix')).toEqual({ ok: true, value: before });
  now = 60_000;
  expect(await directory.orgId('phoenix')).toEqual({ ok: true, value: after });
  await directory.onApplicationShutdown();
  await chef.stop();
});

const publicPem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();

describe.each<[string, DevChefServerOptions]>([
  ['a Chef Server with API versions', {}],
  ['a Chef Server from before API versions', { withoutApiVersions: true }],
])('the directory of %s', (_which, options) => {
  const isOld = options.withoutApiVersions === true;
  let chef: DevChefServer;
  let directory: HttpChefDirectory;
  let guid: string;

  beforeAll(async () => {
    chef = await DevChefServer.start({ ...options, superuserKey: pem });
    guid = chef.createOrganization('acme');
    await chef.createUser('alice', { orgs: ['acme'], privateKey: pem });
    await chef.createUser('eve', { privateKey: pem });
    await chef.createUser('dual', { orgs: ['acme'], privateKey: pem });
    await chef.createClient('acme', 'dual', { privateKey: otherPem });
    await chef.addKey({ name: 'alice' }, 'second', { privateKey: otherPem });
    directory = openDirectory(chef);
  });

  afterAll(async () => {
    await directory.onApplicationShutdown();
    await chef.stop();
  });

  it('returns the keys of a user', async () => {
    const response = await directory.principals('acme', 'alice');
    const alice = { name: 'alice', type: 'user', isMember: true };
    expect(response).toMatchObject({ ok: true, value: isOld ? [alice] : [alice, alice] });
    const keys = response.ok ? response.value.map(({ key }) => publicPem(key)) : [];
    const both = [pem, otherPem].map((each) => publicPem(createPublicKey(each)));
    expect(keys).toEqual(isOld ? both.slice(0, 1) : both);
  });

  it('returns a user and a client with the same name, or only the client without API versions', async () => {
    const response = await directory.principals('acme', 'dual');
    const types = response.ok ? response.value.map(({ type }) => type) : [];
    expect(types).toEqual(isOld ? ['client'] : ['user', 'client']);
  });

  it('returns that a user is not associated with the organization', async () => {
    expect(await directory.principals('acme', 'eve')).toMatchObject({ value: [{ isMember: false }] });
  });

  it('returns which principal, organization or group is unknown', async () => {
    expect(await directory.principals('acme', 'nobody')).toEqual({
      ok: false,
      error: { kind: 'unknown_principal' },
    });
    expect(await directory.principals('nosuch', 'alice')).toEqual({
      ok: false,
      error: { kind: 'unknown_organization' },
    });
    expect(await directory.orgId('nosuch')).toEqual({ ok: false, error: { kind: 'unknown_organization' } });
    expect(await directory.group('acme', 'nosuch')).toEqual({ ok: false, error: { kind: 'unknown_group' } });
  });

  it('returns the current members of a group', async () => {
    chef.setGroup('acme', 'g', { users: ['alice'], clients: ['dual'], groups: ['admins'] });
    expect(await directory.group('acme', 'g')).toEqual({
      ok: true,
      value: { users: ['alice'], clients: ['dual'], groups: ['admins'] },
    });
    chef.setGroup('acme', 'g');
    expect(await directory.group('acme', 'g')).toMatchObject({ value: { users: [] } });
  });

  it('caches the guid of an organization, but not that it is unknown', async () => {
    await directory.orgId('acme');
    chef.requests.length = 0;
    expect(await directory.orgId('acme')).toEqual({ ok: true, value: guid });
    expect(chef.requests).toEqual([]);
    await directory.orgId('later');
    chef.createOrganization('later');
    expect(await directory.orgId('later')).toMatchObject({ ok: true });
  });

  it('omits an invalid key', async () => {
    await chef.createUser('odd', { orgs: ['acme'], privateKey: pem });
    chef.state.users.get('odd')?.keys.set('default', 'no key');
    expect(await directory.principals('acme', 'odd')).toEqual({ ok: true, value: [] });
  });
});

describe('concurrent lookups of the same group', () => {
  it('share two requests: the one in flight, and one that starts after it', async () => {
    const chef = await DevChefServer.start({ superuserKey: pem });
    chef.createOrganization('acme');
    chef.setGroup('acme', 'g', { users: ['alice'] });
    const directory = openDirectory(chef);
    const release = deferred();
    chef.faults.add({ on: /groups/, until: release.promise, times: 1 });

    const first = directory.group('acme', 'g');
    await eventually(() => chef.requests.length === 1);
    const others = Array.from({ length: 100 }, () => directory.group('acme', 'g'));
    const another = await directory.group('acme', 'admins');
    expect(another.ok).toBe(true);
    release.resolve();
    const responses = await Promise.all([first, ...others]);

    expect(responses.every((response) => response.ok && response.value.users[0] === 'alice')).toBe(true);
    expect(chef.requests.filter(({ target }) => target.endsWith('/groups/g'))).toHaveLength(2);
    await directory.onApplicationShutdown();
    await chef.stop();
  });
});

describe('a Chef Server with a private certificate', () => {
  it('is trusted only with ssl_ca_file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chef-ca-'));
    const chef = await DevChefServer.start({ superuserKey: pem, tlsKey: otherPem });
    chef.createOrganization('acme');
    await chef.createUser('alice', { orgs: ['acme'], privateKey: pem });
    const file = join(folder, 'ca.pem');
    writeFileSync(file, chef.ca ?? '');
    const ask = async (chefServer: { ssl_ca_file?: string }): Promise<number> => {
      const app = await startHttpApp({ chef, controllers: [ProtectedController], chefServer });
      const signer = { user: 'alice', key: createPrivateKey(pem) };
      const response = await sendSigned(app.url, signer, { path: '/organizations/acme/pushy/things/1' });
      await app.close();
      return response.status;
    };
    expect(await ask({})).toBe(502);
    expect(await ask({ ssl_ca_file: file })).toBe(200);
    await chef.stop();
    rmSync(folder, { recursive: true });
  });
});
