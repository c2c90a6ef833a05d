import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { ServerConfig } from '../../src/server/config/server-config.js';
import type { ServerSecrets } from '../../src/server/config/server-secrets.js';
import { DevChefServer } from '../dev-chef-server/dev-chef-server.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { testServerConfig, testServerSecrets } from './server-settings.js';

export const ORG = 'acme';

/** What a server under test needs: Chef Server, database, settings and keys. */
export interface Surroundings {
  readonly chef: DevChefServer;
  readonly database: TestDatabase;
  readonly config: ServerConfig;
  readonly orgId: string;
  /** Private key of the administrator `alice`. */
  readonly userKey: KeyObject;
  /** Private key of all nodes, PEM. */
  readonly nodeKey: string;
  secrets: ServerSecrets;
}

/** Creates the surroundings of a server; `settings` override those that all tests have. */
export const createSurroundings = async (settings: Partial<ServerConfig>): Promise<Surroundings> => {
  const [chef, database] = await Promise.all([DevChefServer.start(), createTestDatabase()]);
  const orgId = chef.createOrganization(ORG);
  const userKey = await chef.createUser('alice', { orgs: [ORG], admin: true });
  const secrets = await testServerSecrets();
  const config = await testServerConfig({
    heartbeat_interval: 200,
    rehab_timer: 100,
    database: database.config,
    chef_server: {
      erchef_url: chef.url,
      root_url: chef.url,
      superuser: 'pivotal',
      api_version: '11.1.0',
      cache_seconds: 0,
      timeout: 5,
    },
    ...settings,
  });
  return {
    chef,
    database,
    config,
    orgId,
    userKey: createPrivateKey(userKey),
    nodeKey: secrets.pushy_priv_key,
    secrets: { ...secrets, sql_password: database.password, superuser_key: chef.superuserKey! },
  };
};
