import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { loadServerKeys } from '../../../src/server/keys/load-server-keys.js';
import { messageOf } from '../../../src/shared/lib/app-error.js';
import { previousKeysOf } from '../secrets/previous-keys.js';
import type { SecretsStore } from '../secrets/secrets-store.js';
import { serverSecretsOf } from '../secrets/server-secrets.js';
import type { Product } from '../settings/resolve-settings.js';
import { bad, type Check, type Finding, good, warning } from './check.js';

const RECONFIGURE = 'run: opscode-push-jobs-server-ctl reconfigure';
const EXPOSED = 0o077;
const LEAST_FREE_BYTES = 1024 ** 3;

/** The settings and whether reconfigure was run with them. */
export const settingsCheck: Check = {
  name: 'settings',
  run: ({ product }) => {
    const wanted = `${JSON.stringify(product.serverConfig, null, 2)}\n`;
    const file = product.serverConfigFile;
    if (!product.runsService) return Promise.resolve([good('this machine does not run the service')]);
    if (!existsSync(file)) return Promise.resolve([bad(`${file} is missing`, RECONFIGURE)]);
    return Promise.resolve([
      readFileSync(file, 'utf8') === wanted
        ? good('the server has the settings of the file')
        : warning('the settings were changed since the last reconfigure', RECONFIGURE),
    ]);
  },
};

/** The secrets: there, readable by nobody else, and keys that are keys. */
export const secretsCheck: Check = {
  name: 'secrets',
  run: async ({ secrets, product, context }) => {
    if (!product.runsService) return []; // they are where the service runs
    const { file } = secrets;
    if (!existsSync(file)) return [bad(`${file} is missing`, RECONFIGURE)];
    const exposed = (statSync(file).mode & EXPOSED) !== 0;
    const access = exposed ? [bad(`${file} can be read by others`, `run: chmod 600 ${file}`)] : [];
    try {
      const forServer = serverSecretsOf(context.paths, secrets);
      const now = context.environment.clock.now();
      await loadServerKeys(forServer, now);
      return [
        ...access,
        ...appliedFindings(product, `${JSON.stringify(forServer, null, 2)}\n`),
        ...rotationFindings(secrets, now),
      ];
    } catch (thrown) {
      return [...access, bad(messageOf(thrown), `restore ${file} from a backup, or ${RECONFIGURE}`)];
    }
  },
};

/** Whether the server has them, in the file that it reads when it starts. */
const appliedFindings = ({ serverConfig }: Product, wanted: string): Finding[] => {
  const file = serverConfig.secrets_file;
  if (!existsSync(file)) {
    return [bad(`${file} is missing: the server cannot start again without it`, RECONFIGURE)];
  }
  return [
    readFileSync(file, 'utf8') === wanted
      ? good('all there')
      : warning('the secrets were changed since the last reconfigure', RECONFIGURE),
  ];
};

/** Whether the keys before the last rotation still count. */
const rotationFindings = (secrets: SecretsStore, now: number): Finding[] => {
  const until = previousKeysOf(secrets)?.valid_until;
  if (until === undefined) return [];
  return [
    Date.parse(until) > now
      ? good(`the keys before the last rotation count until ${until}, beside the new ones`)
      : warning(
          `the keys before the last rotation, which counted until ${until}, are still there`,
          RECONFIGURE,
        ),
  ];
};

/** Room for data and logs. */
export const diskCheck: Check = {
  name: 'disk',
  run: ({ product: { folders } }) =>
    Promise.resolve(
      [folders.data, folders.logs]
        .filter((folder) => existsSync(folder))
        .map((folder) => {
          const { bavail, bsize } = statfsSync(folder);
          const free = `${Math.floor((bavail * bsize) / 1024 ** 2)} MB are free for ${folder}`;
          return bavail * bsize < LEAST_FREE_BYTES
            ? warning(`only ${free}`, 'make room, or move the folder by the settings dir and log_directory')
            : good(free);
        }),
    ),
};
