import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Identity } from '../../../../src/server/auth/auth.port.js';
import type { ChefDirectory } from '../../../../src/server/auth/chef-directory.port.js';
import { Authorizer } from '../../../../src/server/auth/authorizer.js';
import { serverConfigSchema } from '../../../../src/server/config/server-config.js';
import { ok } from '../../../../src/shared/lib/result.js';
import { nextEventLoopTurn } from '../../../support/controllable-store.js';

const alice: Identity = {
  name: 'alice',
  type: 'user',
  orgName: 'acme',
  orgId: 'b'.repeat(32),
  key: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
};

const config = serverConfigSchema.parse({
  server_name_advertised: 'push.example.com',
  database: { host: 'db.example.com' },
  secrets_file: '/nowhere',
});

it('a prefetch that fails causes no unhandled rejection, only the error of the request that needs it', async () => {
  let group: ChefDirectory['group'] = () =>
    Promise.resolve(ok({ users: ['alice'], clients: [], groups: [] }));
  const directory = { group: (org: string, name: string) => group(org, name) } as ChefDirectory;
  const authorizer = new Authorizer(directory, config);
  expect(await authorizer.authorize(alice, 'read', undefined)).toBeUndefined();

  group = () => Promise.reject(new Error('no such key'));
  const groups = authorizer.prefetchGroups('acme', 'alice', 'read');
  await nextEventLoopTurn(); // an unhandled rejection fails this test, and would end the server
  await expect(authorizer.authorize(alice, 'read', undefined, groups)).rejects.toThrow('no such key');
});
