import { existsSync } from 'node:fs';
import { AppError } from '../../../src/shared/lib/app-error.js';
import type { Product } from '../settings/resolve-settings.js';
import { SecretsStore } from './secrets-store.js';

/**
 * Opens the file in which this installation keeps its secrets, or begins ours. Throws an AppError where Chef Server has
 * none: it is too old, and the file is not ours to begin.
 */
export const openSecrets = ({ chef, secretsFile }: Product): SecretsStore => {
  if (chef !== undefined && !existsSync(secretsFile)) {
    throw new AppError(
      'chef_server_too_old',
      `${secretsFile} is missing: Chef Server 12.14 or newer makes it; run chef-server-ctl upgrade, then ` +
        'chef-server-ctl reconfigure',
    );
  }
  return SecretsStore.open(secretsFile);
};

/** Throws an AppError on a machine that does not run the service: the nodes do not know the server by keys made there. */
export const refuseWhereNoServiceRuns = ({ runsService, chef }: Product, command: string): void => {
  if (runsService) return;
  const why =
    chef?.role === 'frontend'
      ? 'it is a frontend'
      : "opscode_pushy_server['enable'] is false in its settings";
  throw new AppError(
    'no_service_here',
    `this machine does not run the service (${why}), so keys made here would reach nobody. Nothing was changed. Run ` +
      `${command} on the machine that runs it.`,
  );
};
