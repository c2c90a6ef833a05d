import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { loadServerKeys } from '../../../src/server/keys/load-server-keys.js';
import { messageOf } from '../../../src/shared/lib/app-error.js';
import { previousKeysOf } from '../secrets/previous-keys.js';
import type { SecretsStore } from '../secrets/secrets-store.js';
import { serverSecretsOf } from '../secrets/server-secrets.js';
import type { ResolvedSettings } from '../settings/resolve-settings.js';
import { fault, type Check, ok, warning } from './check.js';
import type { Finding } from '../../../src/shared/lib/finding.js';

const RECONFIGURE = 'run: opscode-push-jobs-server-ctl reconfigure';
const GROUP_AND_OTHERS = 0o077;
const MIN_FREE_BYTES = 1024 ** 3;

/** Checks that the last reconfigure used the current settings. */
export const settingsCheck: Check = {
  name: 'settings',
  run: ({ settings }) => {
    const wanted = `${JSON.stringify(settings.serverConfig, null, 2)}\n`;
    const file = settings.serverConfigFile;
    if (!settings.runsService) return Promise.resolve([ok('this machine does not run the service')]);
    if (!existsSync(file)) return Promise.resolve([fault(`${file} is missing`, RECONFIGURE)]);
    return Promise.resolve([
      readFileSync(file, 'utf8') === wanted
        ? ok('the server has the settings of the file')
        : warning('the settings were changed since the last reconfigure', RECONFIGURE),
    ]);
  },
};

/** Checks that all secrets exist, that nobody else can read them, and that the keys are valid. */
export const secretsCheck: Check = {
  name: 'secrets',
  run: async ({ secrets, settings, context }) => {
    if (!settings.runsService) return []; // only the machine that runs the service has them
    const { file } = secrets;
    if (!existsSync(file)) return [fault(`${file} is missing`, RECONFIGURE)];
    const exposed = (statSync(file).mode & GROUP_AND_OTHERS) !== 0;
    const access = exposed ? [fault(`${file} can be read by others`, `run: chmod 600 ${file}`)] : [];
    try {
      const forServer = serverSecretsOf(context.paths, secrets);
      const now = context.environment.clock.now();
      await loadServerKeys(forServer, now);
      return [
        ...access,
        ...appliedFindings(settings, `${JSON.stringify(forServer, null, 2)}\n`),
        ...rotationFindings(secrets, now),
      ];
    } catch (thrown) {
      return [...access, fault(messageOf(thrown), `restore ${file} from a backup, or ${RECONFIGURE}`)];
    }
  },
};

/** Checks the secrets in the file that the server reads at its start. */
const appliedFindings = ({ serverConfig }: ResolvedSettings, wanted: string): Finding[] => {
  const file = serverConfig.secrets_file;
  if (!existsSync(file)) {
    return [fault(`${file} is missing: the server cannot start again without it`, RECONFIGURE)];
  }
  return [
    readFileSync(file, 'utf8') === wanted
      ? ok('all there')
      : warning('the secrets were changed since the last reconfigure', RECONFIGURE),
  ];
};

/** Checks whether the keys before the last rotation are still accepted. */
const rotationFindings = (secrets: SecretsStore, now: number): Finding[] => {
  const until = previousKeysOf(secrets)?.valid_until;
  if (until === undefined) return [];
  return [
    Date.parse(until) > now
      ? ok(`the keys before the last rotation are accepted until ${until}, besides the new ones`)
      : warning(
          `the keys before the last rotation, which were accepted until ${until}, are still there`,
          RECONFIGURE,
        ),
  ];
};

/** Checks the free space for data and logs. */
export const diskCheck: Check = {
  name: 'disk',
  run: ({ settings: { folders } }) =>
    Promise.resolve(
      [folders.data, folders.logs]
        .filter((folder) => existsSync(folder))
        .map((folder) => {
          const { bavail, bsize } = statfsSync(folder);
          const free = `${Math.floor((bavail * bsize) / 1024 ** 2)} MB are free for ${folder}`;
          return bavail * bsize < MIN_FREE_BYTES
            ? warning(
                `only ${free}`,
                'free some space, or move the folder with the settings dir and log_directory',
              )
            : ok(free);
        }),
    ),
};
