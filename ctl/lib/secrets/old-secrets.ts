import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Paths } from '../paths.js';
import { type KeyPlace, publicHalfOf } from './generate-secrets.js';
import { SecretsDocument } from './secrets-document.js';
import type { SecretsStore } from './secrets-store.js';

const FOLDER_MODE = 0o700;

/** Takes the secrets of an old installation over in memory, but for those that the file has already; says what it did. */
export const takeOverOldSecrets = (paths: Paths, store: SecretsStore): string[] => {
  const old = findOldSecrets(paths);
  if (old.length === 0) return [];
  const taken = takeOver(paths, store).join(', ') || 'nothing new';
  return [`moved ${taken} from ${old.map((file) => basename(file)).join(', ')} to ${store.file}`];
};

/** Saves the secrets file; old files are copied to a backup folder before, with it, and then removed. Says what it did. */
export const saveWithBackup = (paths: Paths, store: SecretsStore, now: Date): string[] => {
  const old = findOldSecrets(paths);
  const backup = join(paths.settingsFolder, `backup-${stampOf(now)}`);
  if (old.length > 0) backUp([...old, store.file], backup);
  store.save();
  for (const file of old) rmSync(file);
  return old.length === 0 ? [] : [`put what there was before into ${backup}`];
};

/** Those of the three files of old installations that are there. */
const findOldSecrets = (paths: Paths): string[] =>
  [paths.oldSecrets, paths.oldPrivateKey, paths.oldPublicKey].filter((file) => existsSync(file));

/** A moment for the name of a file: `20261122T140500Z`. */
export const stampOf = (now: Date): string => now.toISOString().replace(/\.\d+|[-:]/g, '');

const takeOver = (paths: Paths, store: SecretsStore): string[] => {
  const found = new Map<string, string>();
  if (store.get('pushy_priv_key') === undefined && existsSync(paths.oldPrivateKey)) {
    const privateKey = readFileSync(paths.oldPrivateKey, 'utf8');
    found.set('pushy_priv_key', privateKey);
    found.set('pushy_pub_key', publicHalfOf(privateKey, placeOf(paths.oldPrivateKey)));
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

const placeOf = (file: string): KeyPlace => ({
  name: file,
  mend:
    'restore it from a backup; or move it away, and reconfigure makes a new key, which all nodes must fetch before they ' +
    'are in touch again',
});

const backUp = (files: readonly string[], folder: string): void => {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  for (const file of files) if (existsSync(file)) copyFileSync(file, join(folder, basename(file)));
};
