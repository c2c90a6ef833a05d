import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LiveValue } from '../../../../src/server/config/live-value.js';
import { loadServerConfig, loadServerSecrets } from '../../../../src/server/config/load-config.js';
import type { ServerSecrets } from '../../../../src/server/config/server-secrets.js';
import { SettingsReloader } from '../../../../src/server/config/settings-reloader.js';
import { createLogger } from '../../../../src/shared/platform/logger.js';
import { rotateSecrets } from '../../../support/rotate-secrets.js';
import { testServerSecrets } from '../../../support/server-settings.js';

const ED25519 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'push-jobs-settings-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: object): string => {
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
  return file;
};

/** Returns what a server that was started with the first secrets logs when it reloads the second ones. */
const loggedAtReload = (first: ServerSecrets, second: ServerSecrets): Record<string, unknown>[] => {
  const secrets_file = write('secrets.json', first);
  const database = { host: 'db.example.com' };
  const configFile = write('config.json', {
    server_name_advertised: 'push.example.com',
    database,
    secrets_file,
  });
  const config = new LiveValue(loadServerConfig(configFile));
  const secrets = new LiveValue(loadServerSecrets(secrets_file));
  write('secrets.json', second);
  const lines: Record<string, unknown>[] = [];
  const destination = {
    write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  };
  new SettingsReloader({
    configFile,
    config,
    secrets,
    logger: createLogger({ level: 'info', destination }),
  }).reload();
  return lines;
};

it('reports no change for the same secrets during a grace period', async () => {
  const secrets = await rotateSecrets(await testServerSecrets(), 60_000);
  const lines = loggedAtReload(secrets, secrets);
  expect(lines.map(({ msg }) => msg)).toEqual(['reloaded the settings: no change takes effect now']);
});

it.each([
  ['not a key', 'no key', 'is not a private key in PEM form'],
  ['not an RSA key', ED25519, 'is of type ed25519'],
])('rejects a superuser key that is %s', async (_what, superuser_key, is) => {
  const before = await testServerSecrets();
  expect(loggedAtReload(before, { ...before, superuser_key })).toEqual([
    expect.objectContaining({
      level: 'error',
      reason: `the secret superuser_key ${is}: it must be the RSA private key of Chef Server's superuser`,
      msg: 'the settings are invalid; nothing was changed',
    }),
  ]);
});

it('reports rotated keys as pending until a restart, without their values', async () => {
  const before = await testServerSecrets();
  const lines = loggedAtReload(before, await rotateSecrets(before, 60_000));
  expect(lines.at(-1)).toMatchObject({
    level: 'warn',
    secrets: ['pushy_priv_key', 'curve_secret_key', 'previous'],
  });
  expect(JSON.stringify(lines)).not.toContain(before.curve_secret_key);
});
