import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { generateServerKeys } from '../../../src/server/keys/generate-server-keys.js';
import { removePreviousKeys } from './previous-keys.js';
import type { SecretsStore } from './secrets-store.js';

/** Length of a database password, in characters. */
const PASSWORD_LENGTH = 50;

/** Nodes know the other half of a key, so veil must not replace it when it renews all passwords. */
const KEY = { frozen: true };
const PASSWORD = { frozen: false };

/** Which of the server keys to replace. */
export interface KeyChoice {
  readonly rsa: boolean;
  readonly curve: boolean;
}

/**
 * Generates the chosen keys in place of existing ones, and removes the keys before the last rotation. Returns the names
 * of the new secrets.
 */
export const replaceKeys = async (store: SecretsStore, { rsa, curve }: KeyChoice): Promise<string[]> => {
  const keys = await generateServerKeys();
  removePreviousKeys(store);
  if (rsa) {
    store.set('pushy_priv_key', keys.pushy_priv_key, KEY);
    store.set('pushy_pub_key', publicKeyOf(keys.pushy_priv_key), KEY);
  }
  if (curve) store.set('curve_secret_key', keys.curve_secret_key, KEY);
  return [...(rsa ? ['pushy_priv_key', 'pushy_pub_key'] : []), ...(curve ? ['curve_secret_key'] : [])];
};

/** Generates missing secrets. Returns their names. */
export const generateMissingSecrets = async (store: SecretsStore): Promise<string[]> => {
  const before = new Set(store.names());
  const rsa = store.get('pushy_priv_key') === undefined;
  const curve = store.get('curve_secret_key') === undefined;
  if (rsa || curve) await replaceKeys(store, { rsa, curve });
  const privateKey = store.get('pushy_priv_key');
  if (privateKey !== undefined && store.get('pushy_pub_key') === undefined) {
    store.set('pushy_pub_key', publicKeyOf(privateKey), KEY);
  }
  if (store.get('session_seal_key') === undefined) {
    store.set('session_seal_key', randomBytes(32).toString('base64'), KEY);
  }
  for (const name of ['sql_password', 'sql_ro_password']) {
    if (store.get(name) === undefined) store.set(name, newPassword(), PASSWORD);
  }
  return store.names().filter((name) => !before.has(name));
};

const newPassword = (): string => randomBytes(PASSWORD_LENGTH / 2).toString('hex');

/** Where a private key is stored, and what to do if it is invalid, for messages. */
export interface KeyLocation {
  readonly name: string;
  readonly remedy: string;
}

const KEY_IN_SECRETS_FILE: KeyLocation = {
  name: 'the secret pushy_priv_key',
  remedy:
    'restore it from a backup, or generate a new one: ' +
    'opscode-push-jobs-server-ctl generate-keys --rsa --force',
};

/** Returns the public half of an RSA key in PEM. Throws an AppError that names the location and never quotes the key. */
export const publicKeyOf = (
  privateKeyPem: string,
  { name, remedy }: KeyLocation = KEY_IN_SECRETS_FILE,
): string => {
  try {
    return createPublicKey(createPrivateKey(privateKeyPem))
      .export({ type: 'spki', format: 'pem' })
      .toString();
  } catch {
    throw new AppError('secret_invalid', `${name} is not a private key in PEM; ${remedy}`);
  }
};
