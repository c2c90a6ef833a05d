import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { generateServerKeys } from '../../../src/server/keys/generate-server-keys.js';
import { removePreviousKeys } from './previous-keys.js';
import type { SecretsStore } from './secrets-store.js';

/** Characters of a database password. */
const PASSWORD_CHARACTERS = 50;

/** Keys are known to others: whoever makes all passwords anew must leave them alone. */
const KEY = { frozen: true };
const PASSWORD = { frozen: false };

/** Which of the server's keys. */
export interface KeyChoice {
  readonly rsa: boolean;
  readonly curve: boolean;
}

/**
 * Makes the chosen keys and puts them in the place of those that are there; the names of the secrets. The keys before the
 * last rotation count no more then.
 */
export const replaceKeys = async (store: SecretsStore, { rsa, curve }: KeyChoice): Promise<string[]> => {
  const keys = await generateServerKeys();
  removePreviousKeys(store);
  if (rsa) {
    store.set('pushy_priv_key', keys.pushy_priv_key, KEY);
    store.set('pushy_pub_key', publicHalfOf(keys.pushy_priv_key), KEY);
  }
  if (curve) store.set('curve_secret_key', keys.curve_secret_key, KEY);
  return [...(rsa ? ['pushy_priv_key', 'pushy_pub_key'] : []), ...(curve ? ['curve_secret_key'] : [])];
};

/** Makes those secrets that are missing; the names of those that were. */
export const generateMissingSecrets = async (store: SecretsStore): Promise<string[]> => {
  const before = new Set(store.names());
  const rsa = store.get('pushy_priv_key') === undefined;
  const curve = store.get('curve_secret_key') === undefined;
  if (rsa || curve) await replaceKeys(store, { rsa, curve });
  const privateKey = store.get('pushy_priv_key');
  if (privateKey !== undefined && store.get('pushy_pub_key') === undefined) {
    store.set('pushy_pub_key', publicHalfOf(privateKey), KEY);
  }
  if (store.get('session_seal_key') === undefined) {
    store.set('session_seal_key', randomBytes(32).toString('base64'), KEY);
  }
  for (const name of ['sql_password', 'sql_ro_password']) {
    if (store.get(name) === undefined) store.set(name, newPassword(), PASSWORD);
  }
  return store.names().filter((name) => !before.has(name));
};

const newPassword = (): string => randomBytes(PASSWORD_CHARACTERS / 2).toString('hex');

/** Where a private key of ours stands, and what to do where it is none. */
export interface KeyPlace {
  readonly name: string;
  readonly mend: string;
}

const IN_THE_SECRETS: KeyPlace = {
  name: 'the secret pushy_priv_key',
  mend:
    'restore it from a backup, or make a new one: ' +
    'opscode-push-jobs-server-ctl generate-keys --rsa --force',
};

/** The public half of an RSA key in PEM; throws an AppError that names its place, and never quotes the key. */
export const publicHalfOf = (privateKeyPem: string, { name, mend }: KeyPlace = IN_THE_SECRETS): string => {
  try {
    return createPublicKey(createPrivateKey(privateKeyPem))
      .export({ type: 'spki', format: 'pem' })
      .toString();
  } catch {
    throw new AppError('secret_invalid', `${name} is not a private key in PEM; ${mend}`);
  }
};
