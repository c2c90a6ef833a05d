import type { ServerSecrets } from '../../../src/server/config/server-secrets.js';
import type { SecretsStore } from './secrets-store.js';

/** The keys before the last rotation, with the times of the rotation and of their expiry. */
export type PreviousKeys = NonNullable<ServerSecrets['previous']>;

/** Their names in our group of the secrets file. */
const SECRET_NAMES: Readonly<Record<keyof PreviousKeys, string>> = {
  pushy_priv_key: 'previous_pushy_priv_key',
  curve_secret_key: 'previous_curve_secret_key',
  rotated_at: 'previous_keys_rotated_at',
  valid_until: 'previous_keys_valid_until',
};

/** Nodes know the other halves, so veil must not replace them when it renews all passwords. */
const FROZEN = { frozen: true };

/** Returns the previous keys of the file; undefined if any of the four secrets is missing. */
export const previousKeysOf = (store: SecretsStore): PreviousKeys | undefined => {
  const pushy_priv_key = store.get(SECRET_NAMES.pushy_priv_key);
  const curve_secret_key = store.get(SECRET_NAMES.curve_secret_key);
  const rotated_at = store.get(SECRET_NAMES.rotated_at);
  const valid_until = store.get(SECRET_NAMES.valid_until);
  const isComplete =
    pushy_priv_key !== undefined &&
    curve_secret_key !== undefined &&
    rotated_at !== undefined &&
    valid_until !== undefined;
  return isComplete ? { pushy_priv_key, curve_secret_key, rotated_at, valid_until } : undefined;
};

/** Sets the previous keys. */
export const setPreviousKeys = (store: SecretsStore, keys: PreviousKeys): void => {
  store.set(SECRET_NAMES.pushy_priv_key, keys.pushy_priv_key, FROZEN);
  store.set(SECRET_NAMES.curve_secret_key, keys.curve_secret_key, FROZEN);
  store.set(SECRET_NAMES.rotated_at, keys.rotated_at, FROZEN);
  store.set(SECRET_NAMES.valid_until, keys.valid_until, FROZEN);
};

/** Removes the previous keys. Returns whether there were any. */
export const removePreviousKeys = (store: SecretsStore): boolean => {
  const existing = Object.values(SECRET_NAMES).filter((name) => store.get(name) !== undefined);
  for (const name of existing) store.remove(name);
  return existing.length > 0;
};

/** Removes the previous keys if they have expired or are incomplete. Returns whether it removed any. */
export const removeExpiredKeys = (store: SecretsStore, now: Date): boolean => {
  const previous = previousKeysOf(store);
  return previous !== undefined && Date.parse(previous.valid_until) > now.getTime()
    ? false
    : removePreviousKeys(store);
};
