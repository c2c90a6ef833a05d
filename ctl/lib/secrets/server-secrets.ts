import { existsSync, readFileSync } from 'node:fs';
import type { ServerSecrets } from '../../../src/server/config/server-secrets.js';
import { readSuperuserKey } from '../../../src/server/config/superuser-key.js';
import { AppError } from '../../../src/shared/lib/app-error.js';
import type { Paths } from '../paths.js';
import { previousKeysOf } from './previous-keys.js';
import type { SecretsStore } from './secrets-store.js';

/** The key of the Chef Server's superuser, from the secrets file or else from its own; undefined where there is none. */
export const findSuperuserKey = (paths: Paths, store: SecretsStore): string | undefined =>
  store.get('superuser_key', 'chef-server') ??
  (existsSync(paths.pivotalKey) ? readFileSync(paths.pivotalKey, 'utf8') : undefined);

/** What the server must know; throws an AppError that names what is missing, or no key, and where it belongs. */
export const serverSecretsOf = (paths: Paths, store: SecretsStore): ServerSecrets => {
  const superuserKey = findSuperuserKey(paths, store);
  if (superuserKey === undefined) {
    throw new AppError(
      'superuser_key_missing',
      `the key of the Chef Server's superuser is missing: neither ${store.file} (chef-server, superuser_key) nor ` +
        `${paths.pivotalKey} has it. Copy /etc/opscode/pivotal.pem of the Chef Server to ${paths.pivotalKey}.`,
    );
  }
  requireKey(superuserKey, paths, store);
  const previous = previousKeysOf(store);
  return {
    pushy_priv_key: mustHave(store, 'pushy_priv_key'),
    curve_secret_key: mustHave(store, 'curve_secret_key'),
    session_seal_key: mustHave(store, 'session_seal_key'),
    sql_password: mustHave(store, 'sql_password'),
    superuser_key: superuserKey,
    ...(previous === undefined ? {} : { previous }),
  };
};

/** A server that runs would refuse it where only its log tells. */
const requireKey = (pem: string, paths: Paths, store: SecretsStore): void => {
  try {
    readSuperuserKey(pem);
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

/** A secret of ours; throws an AppError where it was not made yet. */
export const mustHave = (store: SecretsStore, name: string): string => {
  const value = store.get(name);
  if (value !== undefined) return value;
  throw new AppError(
    'secret_missing',
    `${store.file} has no ${name}; run: opscode-push-jobs-server-ctl reconfigure`,
  );
};
