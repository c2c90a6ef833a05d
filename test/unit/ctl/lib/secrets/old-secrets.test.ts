import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pathsBelow } from '../../../../../ctl/lib/paths.js';
import { generateMissingSecrets } from '../../../../../ctl/lib/secrets/generate-secrets.js';
import { saveWithBackup, migrateOldSecrets } from '../../../../../ctl/lib/secrets/old-secrets.js';
import { SecretsStore } from '../../../../../ctl/lib/secrets/secrets-store.js';
import { CtlUnderTest } from '../../../../support/ctl-under-test.js';

const FOLDER = '/etc/opscode-push-jobs-server';
const NOW = new Date('2026-11-22T14:05:00Z');
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

let under: CtlUnderTest;
let file: string;
beforeEach(() => {
  under = new CtlUnderTest();
  file = under.path('/etc/opscode/private-chef-secrets.json');
});
afterEach(() => under.remove());

const migrate = async (store: SecretsStore): Promise<string[]> => {
  const paths = pathsBelow(under.root);
  return [...migrateOldSecrets(paths, store), ...(await saveWithBackup(paths, store, NOW))];
};

describe('the secrets of an old installation', () => {
  it('change nothing if there are none', async () => {
    expect(await migrate(SecretsStore.open(file))).toEqual([]);
    expect(existsSync(file)).toBe(false);
  });

  it('move into the file, for its owner only, and into a backup', async () => {
    under.write(`${FOLDER}/pushy_priv.pem`, privateKey, 0o600);
    expect(await migrate(SecretsStore.open(file))).toHaveLength(2);
    expect(SecretsStore.open(file).get('pushy_priv_key')).toBe(privateKey);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    const backup = under.path(`${FOLDER}/backup-20261122T140500Z`);
    expect((statSync(backup).mode & 0o777).toString(8)).toBe('700');
    expect(readFileSync(`${backup}/pushy_priv.pem`, 'utf8')).toBe(privateKey);
    expect(readdirSync(under.path(FOLDER))).toEqual(['backup-20261122T140500Z']);
  });

  it('do not replace secrets that the file already has', async () => {
    under.write(`${FOLDER}/opscode-push-jobs-server-secrets.json`, '{"postgresql":{"sql_password":"old"}}');
    const store = SecretsStore.open(file);
    store.set('sql_password', 'new', { frozen: false });
    await migrate(store);
    expect(SecretsStore.open(file).get('sql_password')).toBe('new');
  });

  it('stay in place if a key is invalid, and the error names its file', async () => {
    const broken = under.write(`${FOLDER}/pushy_priv.pem`, 'not a key');
    await expect(migrate(SecretsStore.open(file))).rejects.toThrow(
      `${broken} is not a private key in PEM; restore`,
    );
    expect(existsSync(under.path(`${FOLDER}/pushy_priv.pem`))).toBe(true);
    expect(existsSync(file)).toBe(false);
  });
});

it('ignores an invalid key of an old installation if the secrets file already has one', async () => {
  const broken = under.write(`${FOLDER}/pushy_priv.pem`, 'not a key');
  const store = SecretsStore.open(file);
  store.set('pushy_priv_key', privateKey, { frozen: true });
  expect(await migrate(store)).toHaveLength(2);
  expect(existsSync(broken)).toBe(false);
  expect(SecretsStore.open(file).get('pushy_priv_key')).toBe(privateKey);
});

describe('missing secrets', () => {
  it('are generated once, with a public key that matches the private one', async () => {
    const store = SecretsStore.open(file);
    store.set('pushy_priv_key', privateKey, { frozen: true });
    expect((await generateMissingSecrets(store)).sort()).toEqual([
      'curve_secret_key',
      'pushy_pub_key',
      'session_seal_key',
      'sql_password',
      'sql_ro_password',
    ]);
    expect(store.get('pushy_priv_key')).toBe(privateKey);
    expect(store.get('pushy_pub_key')).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    expect(store.get('curve_secret_key')).toHaveLength(40);
    expect(await generateMissingSecrets(store)).toEqual([]);
  });
});
