import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makePrivateKey } from '../../dev-chef-server/key-pair.js';
import { ORG, ServerUnderTest } from '../../support/server-under-test.js';
import { sendSigned } from '../../support/signed-sender.js';

let server: ServerUnderTest;
let pem: string;

const jobsFor = async (user: string): Promise<number> => {
  const path = `/organizations/${ORG}/pushy/jobs`;
  return (await sendSigned(server.url(''), { user, key: createPrivateKey(pem) }, { path })).status;
};

beforeAll(async () => {
  server = await ServerUnderTest.start();
  pem = await makePrivateKey();
  for (const name of ['bob', 'carol']) await server.chef.createUser(name, { orgs: [ORG], privateKey: pem });
});
afterAll(() => server.close());

it('by default nothing is remembered: a user who is gone is refused at once', async () => {
  expect(await jobsFor('bob')).toBe(200);
  server.chef.deleteUser('bob');
  expect(await jobsFor('bob')).toBe(401);
});

it('where an administrator turned it on, keys and groups count on for that long, and are not asked for', async () => {
  await server.halt();
  Object.assign(server.config.chef_server, { cache_seconds: 300 });
  await server.boot();
  expect(await jobsFor('carol')).toBe(200);
  const before = server.chef.requests.length;
  server.chef.deleteUser('carol');
  expect(await jobsFor('carol')).toBe(200);
  expect(server.chef.requests.length).toBe(before);
});
