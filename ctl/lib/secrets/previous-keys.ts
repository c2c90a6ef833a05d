import type { ServerSecrets } from '../../../src/server/config/server-secrets.js';
import type { SecretsStore } from './secrets-store.js';

/** The keys before the last rotation, with the times of the rotation and of their end, as they stand in the file. */
export type PreviousKeys = NonNullable<ServerSecrets['previous']>;

/** Under these names in our group of the secrets file. */
const NAMES: Readonly<Record<keyof PreviousKeys, string>> = {
  pushy_priv_key: 'previous_pushy_priv_key',
  curve_secret_key: 'previous_curve_secret_key',
  rotated_at: 'previous_keys_rotated_at',
  valid_until: 'previous_keys_valid_until',
};

/** Whoever makes all passwords anew must leave them alone: nodes know the other halves. */
const KEPT = { frozen: true };

/** Those that are in the file; undefined where there are none, or not all of what belongs to them. */
export const previousKeysOf = (store: SecretsStore): PreviousKeys | undefined => {
  const pushy_priv_key = store.get(NAMES.pushy_priv_key);
  const curve_secret_key = store.get(NAMES.curve_secret_key);
  const rotated_at = store.get(NAMES.rotated_at);
  const valid_until = store.get(NAMES.valid_until);
  const isThere =
    pushy_priv_key !== undefined &&
    curve_secret_key !== undefined &&
    rotated_at !== undefined &&
    valid_until !== undefined;
  return isThere ? { pushy_priv_key, curve_secret_key, rotated_at, valid_until } : undefined;
};

/** Puts them into the file. */
export const setPreviousKeys = (store: SecretsStore, keys: PreviousKeys): void => {
  store.set(NAMES.pushy_priv_key, keys.pushy_priv_key, KEPT);
  store.set(NAMES.curve_secret_key, keys.curve_secret_key, KEPT);
  store.set(NAMES.rotated_at, keys.rotated_at, KEPT);
  store.set(NAMES.valid_until, keys.valid_until, KEPT);
};

/** Takes them out of the file; whether there was anything. */
export const removePreviousKeys = (store: SecretsStore): boolean => {
  const there = Object.values(NAMES).filter((name) => store.get(name) !== undefined);
  for (const name of there) store.remove(name);
  return there.length > 0;
};

/** Takes them out of the file where their time is over, or where they are of no use; whether it did. */
export const removeEndedKeys = (store: SecretsStore, now: Date): boolean => {
  const previous = previousKeysOf(store);
  return previous !== undefined && Date.parse(previous.valid_until) > now.getTime()
    ? false
    : removePreviousKeys(store);
};
