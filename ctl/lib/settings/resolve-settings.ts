import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ServerConfig, serverConfigSchema } from '../../../src/server/config/server-config.js';
import { AppError } from '../../../src/shared/lib/app-error.js';
import type { CtlEnvironment } from '../../ctl-environment.js';
import type { Paths } from '../paths.js';
import { checkSettings } from './check-settings.js';
import { type ChefServerRunning, readChefServerRunning } from './chef-server-running.js';
import { readSettingsFile } from './settings-file.js';
import { type RawSettings, type Settings, sslModeSchema, UNUSED_SETTINGS } from './settings-schema.js';

const ANY_ADDRESS = '0.0.0.0';

/** The service user without Chef Server. */
const DEFAULT_SERVICE_USER = 'opscode-pushy';

/** All settings of this installation, from the settings file, Chef Server and defaults. Contains no secrets. */
export interface ResolvedSettings {
  readonly sections: Settings;
  /** Settings of the Chef Server on this machine; undefined if there is none. */
  readonly chef: ChefServerRunning | undefined;
  /** The server configuration. The getter throws an AppError if a required setting is missing. */
  readonly serverConfig: ServerConfig;
  readonly serviceUser: string;
  /** Whether the service runs on this machine: false on a frontend, and if it is disabled. */
  readonly runsService: boolean;
  /** Whether nginx on this machine routes requests to the server, here or on the backend. */
  readonly isRouted: boolean;
  readonly folders: { readonly data: string; readonly etc: string; readonly logs: string };
  /** Chef Server's secrets file, or our own. */
  readonly secretsFile: string;
  /** File with the server configuration. */
  readonly serverConfigFile: string;
  /** File that marks a configured installation. */
  readonly bootstrappedFile: string;
  /** Settings in the file that have no effect. */
  readonly unusedSettings: readonly string[];
}

/**
 * Reads and validates all settings. Throws an AppError that names file and line. Missing settings throw only when
 * `serverConfig` is read.
 */
export const resolveSettings = (paths: Paths, { env, home, cwd }: CtlEnvironment): ResolvedSettings => {
  const chef = readChefServerRunning(paths.chefRunning);
  const source = readSettingsFile(paths.settings, { env, home, cwd });
  const sections = withCaFilesBelowRoot(paths, checkSettings(source, inheritedSettings(chef)));
  const { dir, log_directory, enable } = sections.opscode_pushy_server;
  const data = paths.under(dir);
  const etc = join(data, 'etc');
  const isFrontend = chef?.role === 'frontend';
  let serverConfig: ServerConfig | undefined;
  return {
    sections,
    chef,
    get serverConfig() {
      return (serverConfig ??= serverConfigOf(sections, chef, paths, join(etc, 'secrets.json')));
    },
    serviceUser: chef === undefined ? DEFAULT_SERVICE_USER : (chef.user?.username ?? 'opscode'),
    runsService: enable && !isFrontend,
    isRouted: enable,
    folders: { data, etc, logs: paths.under(log_directory) },
    secretsFile: chef !== undefined || existsSync(paths.chefSecrets) ? paths.chefSecrets : paths.ownSecrets,
    serverConfigFile: join(etc, 'push-jobs-server.json'),
    bootstrappedFile: join(data, 'bootstrapped'),
    unusedSettings: UNUSED_SETTINGS.filter((key) => source.lines.has(`opscode_pushy_server.${key}`)),
  };
};

/** Settings inherited from Chef Server, used if the file does not set them. */
const inheritedSettings = (chef: ChefServerRunning | undefined): RawSettings => {
  if (chef === undefined) return {};
  const { vip, port, db_superuser, sslmode } = chef.postgresql ?? {};
  return {
    opscode_pushy_server: hasFrontends(chef)
      ? defined({ vip: chef.backend_vips?.ipaddress ?? vip, listen: ANY_ADDRESS, ha: chef.topology === 'ha' })
      : defined({ vip: chef.lb?.api_fqdn }),
    postgresql: defined({ vip, port, db_superuser, sslmode: sslModeSchema.safeParse(sslmode).data }),
    chef_server: defined(chefServerAddress(chef)),
  };
};

/** Whether there are frontends, whose nginx reaches the server over the network. */
const hasFrontends = ({ topology }: ChefServerRunning): boolean => topology === 'tier' || topology === 'ha';

const chefServerAddress = ({ 'opscode-erchef': erchef, lb, nginx }: ChefServerRunning) => {
  const port = nginx?.ssl_port ?? 443;
  return {
    erchef_url: `http://${erchef?.vip ?? '127.0.0.1'}:${erchef?.port ?? 8000}`,
    root_url: `https://${lb?.api_fqdn ?? 'localhost'}${port === 443 ? '' : `:${port}`}`,
    ssl_ca_file: nginx?.ssl_certificate ?? undefined,
  };
};

const defined = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

const serverConfigOf = (
  sections: Settings,
  chef: ChefServerRunning | undefined,
  paths: Paths,
  secretsFile: string,
): ServerConfig => {
  const { opscode_pushy_server: pushy, postgresql, chef_server } = sections;
  const known = Object.entries(pushy).filter(([key]) => key in serverConfigSchema.shape);
  const name = pushy.server_name_advertised ?? pushy.vip;
  if (name === undefined) {
    throw new AppError(
      'settings_missing',
      `${paths.settings}: opscode_pushy_server['server_name_advertised'] is missing: the name by which nodes reach this ` +
        'machine. It is inherited only from a Chef Server on this machine.',
    );
  }
  if (chef === undefined && chef_server.root_url === undefined) {
    throw new AppError(
      'settings_missing',
      `${paths.settings}: chef_server['root_url'] is missing; set it to the Chef Server's address, for example ` +
        `'https://chef.example.com', because this machine has no Chef Server (no ${paths.chefRunning})`,
    );
  }
  if (pushy.enable_graphite && pushy.graphite_host === undefined) {
    throw new AppError(
      'settings_missing',
      `${paths.settings}: opscode_pushy_server['graphite_host'] is missing: the host that receives the metrics, needed ` +
        'because enable_graphite is true',
    );
  }
  const { vip, port, database_name, sql_user, sslmode, ssl_ca_file } = postgresql;
  return serverConfigSchema.parse({
    ...Object.fromEntries(known),
    server_name_advertised: name,
    database: defined({ host: vip, port, database_name, sql_user, sslmode, ssl_ca_file }),
    chef_server: defined({
      ...chef_server,
      erchef_url: chef_server.erchef_url ?? chef_server.root_url,
      api_version: pushy.chef_api_version,
    }),
    secrets_file: secretsFile,
  });
};

/** CA files are below the root, like all other files. */
const withCaFilesBelowRoot = (paths: Paths, { postgresql, chef_server, ...settings }: Settings): Settings => {
  const below = <T extends { ssl_ca_file?: string | undefined }>(section: T): T =>
    section.ssl_ca_file === undefined
      ? section
      : { ...section, ssl_ca_file: paths.under(section.ssl_ca_file) };
  return { ...settings, postgresql: below(postgresql), chef_server: below(chef_server) };
};
