import { existsSync } from 'node:fs';
import { AppError } from '../../../src/shared/lib/app-error.js';
import type { ResolvedSettings } from '../settings/resolve-settings.js';
import { SecretsStore } from './secrets-store.js';

/**
 * Opens the secrets file of this installation, or begins our own. Throws an AppError if a Chef Server has no secrets
 * file: it is too old, and only Chef Server may create its file.
 */
export const openSecrets = ({ chef, secretsFile }: ResolvedSettings): SecretsStore => {
  if (chef !== undefined && !existsSync(secretsFile)) {
    throw new AppError(
      'chef_server_too_old',
      `${secretsFile} is missing: Chef Server 12.14 or newer creates it; run chef-server-ctl upgrade, then ` +
        'chef-server-ctl reconfigure',
    );
  }
  return SecretsStore.open(secretsFile);
};

/** Throws an AppError on a machine that does not run the service, because no node would use keys generated there. */
export const requireServiceOnThisMachine = (
  { runsService, chef }: ResolvedSettings,
  command: string,
): void => {
  if (runsService) return;
  const why =
    chef?.role === 'frontend'
      ? 'it is a frontend'
      : "opscode_pushy_server['enable'] is false in its settings";
  throw new AppError(
    'no_service_here',
    `this machine does not run the service (${why}), so no node would use keys generated here. Nothing was changed. Run ` +
      `${command} on the machine that runs it.`,
  );
};
