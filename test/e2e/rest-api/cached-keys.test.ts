import { createPrivateKey } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import { makePrivateKey } from '../../dev-chef-server/key-pair.js';
import { sendSigned } from '../../support/signed-sender.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

const server = useServer();
let pem: string;

const listJobsAs = async (user: string): Promise<number> => {
  const path = `/organizations/${ORG}/pushy/jobs`;
  return (await sendSigned(server.url(''), { user, key: createPrivateKey(pem) }, { path })).status;
};

beforeAll(async () => {
  pem = await makePrivateKey();
  for (const name of ['bob', 'carol']) await server.chef.createUser(name, { orgs: [ORG], privateKey: pem });
});

it('rejects a deleted user at once by default', async () => {
  expect(await listJobsAs('bob')).toBe(200);
  server.chef.deleteUser('bob');
  expect(await listJobsAs('bob')).toBe(401);
});

it('accepts a deleted user without a request to the Chef Server while the cache is valid', async () => {
  await server.restart({ chef_server: { ...server.config.chef_server, cache_seconds: 300 } });
  expect(await listJobsAs('carol')).toBe(200);
  const before = server.chef.requests.length;
  server.chef.deleteUser('carol');
  expect(await listJobsAs('carol')).toBe(200);
  expect(server.chef.requests.length).toBe(before);
});
