import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { serverConfigSchema, type ServerConfig } from '../../src/server/config/server-config.js';
import type { ServerSecrets } from '../../src/server/config/server-secrets.js';
import { generateCurveKeyPair } from '../../src/shared/protocol/curve-key.js';
import { freePort } from './free-port.js';

/** Returns settings of a server that listens on free ports of 127.0.0.1; `overrides` win. */
export const testServerConfig = async (overrides: Partial<ServerConfig> = {}): Promise<ServerConfig> =>
  serverConfigSchema.parse({
    listen: '127.0.0.1',
    api_port: await freePort(),
    zeromq_listen_address: 'tcp://127.0.0.1',
    command_port: await freePort(),
    server_heartbeat_port: await freePort(),
    server_name_advertised: '127.0.0.1',
    database: { host: '127.0.0.1' },
    secrets_file: '/nowhere/secrets.json',
    ...overrides,
  });

/**
 * Settings for tests that send the messages of a node one by one: the server does not repeat `abort`, and heartbeats are
 * rare because a simulated node reports `idle` in them unless the test sets `reportedState`.
 */
export const QUIET_SETTINGS = { rehab_timer: 60_000, heartbeat_interval: 2_000 } as const;

/** Creates secrets. Creating the RSA key is slow: call this once per test file. */
export const testServerSecrets = async (): Promise<ServerSecrets> => {
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: pem,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return {
    pushy_priv_key: privateKey,
    curve_secret_key: (await generateCurveKeyPair()).secretKey,
    session_seal_key: randomBytes(32).toString('base64'),
    superuser_key: privateKey,
  };
};
