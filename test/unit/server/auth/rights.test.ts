import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Identity } from '../../../../src/server/auth/auth.port.js';
import type { ChefDirectory } from '../../../../src/server/auth/chef-directory.port.js';
import { Rights } from '../../../../src/server/auth/rights.js';
import { serverConfigSchema } from '../../../../src/server/config/server-config.js';
import { ok } from '../../../../src/shared/lib/result.js';
import { turn } from '../../../support/held-store.js';

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

it('a look-up that breaks off ahead of a request harms nobody but who needs its answer', async () => {
  let group: ChefDirectory['group'] = () =>
    Promise.resolve(ok({ users: ['alice'], clients: [], groups: [] }));
  const directory = { group: (org: string, name: string) => group(org, name) } as ChefDirectory;
  const rights = new Rights(directory, config);
  expect(await rights.refuse(alice, 'read', undefined)).toBeUndefined();

  group = () => Promise.reject(new Error('no such key'));
  const groups = rights.askAhead('acme', 'alice', 'read');
  await turn(); // a rejection that nobody handles fails this test, and would end the server
  await expect(rights.refuse(alice, 'read', undefined, groups)).rejects.toThrow('no such key');
});
