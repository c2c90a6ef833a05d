import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { loadServerKeys } from '../../../src/keys/load-server-keys.js';
import { messageOf } from '../../../src/lib/app-error.js';
import { portIsOpen } from '../port-is-open.js';
import { previousKeysOf } from '../secrets/previous-keys.js';
import type { SecretsStore } from '../secrets/secrets-store.js';
import { serverSecretsOf } from '../secrets/server-secrets.js';
import { askHealth } from '../server-status.js';
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
    const { file } = secrets;
    if (!existsSync(file)) return [bad(`${file} is missing`, RECONFIGURE)];
    const exposed = (statSync(file).mode & EXPOSED) !== 0;
    const access = exposed ? [bad(`${file} can be read by others`, `run: chmod 600 ${file}`)] : [];
    try {
      const forServer = serverSecretsOf(context.paths, secrets);
      const now = context.environment.clock.now();
      await loadServerKeys(forServer, now);
      const applied = product.serverConfig.secrets_file;
      const isCurrent =
        !existsSync(applied) || readFileSync(applied, 'utf8') === `${JSON.stringify(forServer, null, 2)}\n`;
      return [
        ...access,
        isCurrent
          ? good('all there')
          : warning('the secrets were changed since the last reconfigure', RECONFIGURE),
        ...rotationFindings(secrets, now),
      ];
    } catch (thrown) {
      return [...access, bad(messageOf(thrown), `restore ${file} from a backup, or ${RECONFIGURE}`)];
    }
  },
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

/** The service and its REST interface. */
export const serviceCheck: Check = {
  name: 'service',
  run: async ({ product, context }) => {
    if (!product.runsService) return [];
    const { code, text } = await context.supervisor().status();
    if (code !== 0) return [bad(text, 'run: opscode-push-jobs-server-ctl start; its log: … tail')];
    const health = await askHealth(product);
    return health === 'ready'
      ? [good(text), good('is ready')]
      : [bad(`it runs, but is ${health}`, 'look into its log: opscode-push-jobs-server-ctl tail')];
  },
};

/** The ports that nodes connect to. */
export const portsCheck: Check = {
  name: 'ports',
  run: async ({ product }) => {
    if (!product.runsService) return [];
    const { command_port, server_heartbeat_port, zeromq_listen_address } = product.serverConfig;
    const host = zeromq_listen_address.replace('tcp://', '').replace(/^\*$/, '127.0.0.1');
    return Promise.all(
      [command_port, server_heartbeat_port].map(async (port) =>
        (await portIsOpen(host, port))
          ? good(`${host}:${port} takes connections`)
          : bad(
              `nobody listens on ${host}:${port}`,
              'start the service, or see in its log who else has the port',
            ),
      ),
    );
  },
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
