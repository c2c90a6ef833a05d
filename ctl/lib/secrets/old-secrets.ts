import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Paths } from '../paths.js';
import { type KeyLocation, publicKeyOf } from './generate-secrets.js';
import { SecretsDocument } from './secrets-document.js';
import type { SecretsStore } from './secrets-store.js';

const FOLDER_MODE = 0o700;

/** Copies the secrets of an old installation to the store, in memory, unless the store already has them. Returns a line per change. */
export const migrateOldSecrets = (paths: Paths, store: SecretsStore): string[] => {
  const old = findOldSecrets(paths);
  if (old.length === 0) return [];
  const taken = copyMissingSecrets(paths, store).join(', ') || 'nothing new';
  return [`moved ${taken} from ${old.map((file) => basename(file)).join(', ')} to ${store.file}`];
};

/** Saves the secrets file. Backs up the old files and the secrets file first, then removes the old ones. Returns a line per change. */
export const saveWithBackup = async (paths: Paths, store: SecretsStore, now: Date): Promise<string[]> => {
  const old = findOldSecrets(paths);
  const backup = join(paths.settingsFolder, `backup-${fileTimestamp(now)}`);
  if (old.length > 0) backUp([...old, store.file], backup);
  await store.save();
  for (const file of old) rmSync(file);
  return old.length === 0 ? [] : [`backed the old files up to ${backup}`];
};

/** Returns those of the three files of old installations that exist. */
const findOldSecrets = (paths: Paths): string[] =>
  [paths.oldSecrets, paths.oldPrivateKey, paths.oldPublicKey].filter((file) => existsSync(file));

/** Formats a time for a file name: `20261122T140500Z`. */
export const fileTimestamp = (now: Date): string => now.toISOString().replace(/\.\d+|[-:]/g, '');

const copyMissingSecrets = (paths: Paths, store: SecretsStore): string[] => {
  const found = new Map<string, string>();
  if (store.get('pushy_priv_key') === undefined && existsSync(paths.oldPrivateKey)) {
    const privateKey = readFileSync(paths.oldPrivateKey, 'utf8');
    found.set('pushy_priv_key', privateKey);
    found.set('pushy_pub_key', publicKeyOf(privateKey, oldKeyLocation(paths.oldPrivateKey)));
  }
  if (existsSync(paths.oldSecrets)) {
    const document = SecretsDocument.parse(readFileSync(paths.oldSecrets, 'utf8'), paths.oldSecrets);
    for (const name of ['sql_password', 'sql_ro_password']) {
      const [group] = document.groupsWith(name);
      const value = group === undefined ? undefined : document.get(group, name);
      if (value !== undefined) found.set(name, value);
    }
  }
  const missing = [...found].filter(([name]) => store.get(name) === undefined);
  for (const [name, value] of missing) store.set(name, value, { frozen: name.endsWith('_key') });
  return missing.map(([name]) => name);
};

const oldKeyLocation = (file: string): KeyLocation => ({
  name: file,
  remedy:
    'restore it from a backup; or move it away, and reconfigure generates a new key, which all nodes must fetch before ' +
    'they are online again',
});

const backUp = (files: readonly string[], folder: string): void => {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  for (const file of files) if (existsSync(file)) copyFileSync(file, join(folder, basename(file)));
};
