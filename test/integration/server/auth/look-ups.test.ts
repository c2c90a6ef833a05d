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
let strangerPem: string;
let key: KeyObject;
let chef: DevChefServer;
let app: HttpApp;

const ask = (signer: KeyObject = key, path = '/organizations/acme/pushy/things/1') =>
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

/** What the Chef Server was asked since then, without the organization, which is remembered. */
const questions = (): string[] =>
  chef.requests
    .map(({ target }) => target.replace('/organizations/acme', ''))
    .filter((target) => target !== '');

beforeAll(async () => {
  [pem, strangerPem] = await Promise.all([makePrivateKey(), makePrivateKey()]);
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

describe('what the Chef Server is asked for a request', () => {
  /** Asks while the Chef Server holds its answer about the sender back; tells what it was asked until then. */
  const askedBeforeTheSenderIsKnown = async (signer: KeyObject): Promise<string[]> => {
    const answer = deferred();
    chef.faults.add({ on: /principals/, until: answer.promise });
    chef.requests.length = 0;
    const asking = ask(signer);
    await eventually(() => questions().some((target) => target.startsWith('/principals')));
    await new Promise((resolve) => setImmediate(resolve));
    const asked = questions();
    answer.resolve(undefined);
    await asking;
    return asked;
  };

  it('is asked at once for somebody who was let in before', async () => {
    expect((await ask()).status).toBe(200);
    expect((await askedBeforeTheSenderIsKnown(key)).sort()).toEqual([
      '/groups/pushy_job_readers',
      '/principals/alice',
    ]);
  });

  it('is asked about groups for a stranger only when the signature was found right', async () => {
    expect(await askedBeforeTheSenderIsKnown(key)).toEqual(['/principals/alice']);
    chef.faults.clear();
    chef.requests.length = 0;
    expect((await ask(createPrivateKey(strangerPem))).status).toBe(401);
    expect((await ask(key, '/organizations/globex/pushy/things/1')).status).toBe(404);
    expect(chef.requests.filter(({ target }) => target.includes('globex/groups'))).toEqual([]);
  });

  it('is asked about administrators only where there was no group of writers when somebody wrote last', async () => {
    const asked = async (): Promise<string[]> => {
      chef.requests.length = 0;
      expect((await write()).status).toBe(201);
      return questions()
        .filter((target) => target.startsWith('/groups/'))
        .sort();
    };
    chef.setGroup('acme', 'admins', { users: ['alice'] });
    const both = ['/groups/admins', '/groups/pushy_job_writers'];
    expect([await asked(), await asked()]).toEqual([both, both]);
    chef.setGroup('acme', 'pushy_job_writers', { users: ['alice'] });
    expect([await asked(), await asked()]).toEqual([both, ['/groups/pushy_job_writers']]);
    chef.deleteGroup('acme', 'pushy_job_writers');
    expect([await asked(), await asked()]).toEqual([both, both]);
  });

  it('counts as it is now, also for somebody who was let in before', async () => {
    expect((await ask()).status).toBe(200);
    chef.setGroup('acme', 'pushy_job_readers', { users: [] });
    expect((await ask()).status).toBe(403);
    chef.deleteGroup('acme', 'pushy_job_readers');
    expect((await ask()).status).toBe(200);
  });
});
