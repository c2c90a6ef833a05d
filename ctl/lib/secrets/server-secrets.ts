import { existsSync, readFileSync } from 'node:fs';
import type { ServerSecrets } from '../../../src/server/config/server-secrets.js';
import { parseSuperuserKey } from '../../../src/server/config/superuser-key.js';
import { AppError } from '../../../src/shared/lib/app-error.js';
import type { Paths } from '../paths.js';
import { previousKeysOf } from './previous-keys.js';
import type { SecretsStore } from './secrets-store.js';

/** Returns the superuser's key from the secrets file or pivotal.pem, or undefined if neither has it. */
export const findSuperuserKey = (paths: Paths, store: SecretsStore): string | undefined =>
  store.get('superuser_key', 'chef-server') ??
  (existsSync(paths.pivotalKey) ? readFileSync(paths.pivotalKey, 'utf8') : undefined);

/** Returns the server's secrets. Throws an AppError that names a missing or invalid one and where it belongs. */
export const serverSecretsOf = (paths: Paths, store: SecretsStore): ServerSecrets => {
  const superuserKey = findSuperuserKey(paths, store);
  if (superuserKey === undefined) {
    throw new AppError(
      'superuser_key_missing',
      `the key of the Chef Server's superuser is missing: neither ${store.file} (chef-server, superuser_key) nor ` +
        `${paths.pivotalKey} has it. Copy /etc/opscode/pivotal.pem of the Chef Server to ${paths.pivotalKey}.`,
    );
  }
  requireValidKey(superuserKey, paths, store);
  const previous = previousKeysOf(store);
  return {
    pushy_priv_key: requireSecret(store, 'pushy_priv_key'),
    curve_secret_key: requireSecret(store, 'curve_secret_key'),
    session_seal_key: requireSecret(store, 'session_seal_key'),
    sql_password: requireSecret(store, 'sql_password'),
    superuser_key: superuserKey,
    ...(previous === undefined ? {} : { previous }),
  };
};

/** A running server would reject an invalid key only in its log, so check it here. */
const requireValidKey = (pem: string, paths: Paths, store: SecretsStore): void => {
  try {
    parseSuperuserKey(pem);
  } catch {
    const isInStore = store.get('superuser_key', 'chef-server') !== undefined;
    const place = isInStore ? `${store.file} (chef-server, superuser_key)` : paths.pivotalKey;
    throw new AppError(
      'superuser_key_invalid',
      `the key of the Chef Server's superuser in ${place} is not a private key in PEM form. Put the right one there: it ` +
        'is /etc/opscode/pivotal.pem on the Chef Server.',
    );
  }
};

/** Returns one of our secrets. Throws an AppError if it has not been generated yet. */
export const requireSecret = (store: SecretsStore, name: string): string => {
  const value = store.get(name);
  if (value !== undefined) return value;
  throw new AppError(
    'secret_missing',
    `${store.file} has no ${name}; run: opscode-push-jobs-server-ctl reconfigure`,
  );
};
