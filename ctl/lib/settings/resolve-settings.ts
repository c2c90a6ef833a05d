import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ServerConfig, serverConfigSchema } from '../../../src/server/config/server-config.js';
import { AppError } from '../../../src/shared/lib/app-error.js';
import type { CtlEnvironment } from '../../ctl-environment.js';
import type { Paths } from '../paths.js';
import { checkSettings } from './check-settings.js';
import { type ChefServerRunning, readChefServerRunning } from './chef-server-running.js';
import { readSettingsFile } from './settings-file.js';
import { type GivenSettings, type Settings, sslModeSchema, WITHOUT_EFFECT } from './settings-schema.js';

const ANY_ADDRESS = '0.0.0.0';

/** The user that runs the service where no Chef Server says which. */
const OWN_USER = 'opscode-pushy';

/** This installation, as settings and Chef Server describe it; nothing secret is in it. */
export interface Product {
  readonly settings: Settings;
  /** What the Chef Server on this machine says of itself; undefined where there is none. */
  readonly chef: ChefServerRunning | undefined;
  /** What the server's configuration file says; to ask for it throws an AppError where a setting is missing for it. */
  readonly serverConfig: ServerConfig;
  readonly serviceUser: string;
  /** Whether the service runs on this machine: not on a frontend, not where it is switched off. */
  readonly runsService: boolean;
  /** Whether requests come here through nginx, for a server here or on the backend. */
  readonly isRouted: boolean;
  readonly folders: { readonly data: string; readonly etc: string; readonly logs: string };
  /** The file in which the administrator's secrets are kept. */
  readonly secretsFile: string;
  /** The server's configuration file. */
  readonly serverConfigFile: string;
  /** The marker of an installation that was configured. */
  readonly bootstrapped: string;
  /** Settings in the file that this server does not use. */
  readonly withoutEffect: readonly string[];
}

/**
 * Reads all settings and judges those that are there; throws an AppError that names file and line. Changes nothing.
 * Whether any is missing shows only when the server's configuration is asked for.
 */
export const loadProduct = (paths: Paths, { env, home, cwd }: CtlEnvironment): Product => {
  const chef = readChefServerRunning(paths.chefRunning);
  const source = readSettingsFile(paths.settings, { env, home, cwd });
  const settings = casBelow(paths, checkSettings(source, inheritedFrom(chef)));
  const { dir, log_directory, enable } = settings.opscode_pushy_server;
  const data = paths.under(dir);
  const etc = join(data, 'etc');
  const isFrontend = chef?.role === 'frontend';
  let serverConfig: ServerConfig | undefined;
  return {
    settings,
    chef,
    get serverConfig() {
      return (serverConfig ??= serverConfigOf(settings, chef, paths, join(etc, 'secrets.json')));
    },
    serviceUser: chef === undefined ? OWN_USER : (chef.user?.username ?? 'opscode'),
    runsService: enable && !isFrontend,
    isRouted: enable,
    folders: { data, etc, logs: paths.under(log_directory) },
    secretsFile: chef !== undefined || existsSync(paths.chefSecrets) ? paths.chefSecrets : paths.ownSecrets,
    serverConfigFile: join(etc, 'push-jobs-server.json'),
    bootstrapped: join(data, 'bootstrapped'),
    withoutEffect: WITHOUT_EFFECT.filter((key) => source.lines.has(`opscode_pushy_server.${key}`)),
  };
};

/** What the Chef Server's settings stand in for where the file says nothing. */
const inheritedFrom = (chef: ChefServerRunning | undefined): GivenSettings => {
  if (chef === undefined) return {};
  const { vip, port, db_superuser, sslmode } = chef.postgresql ?? {};
  return {
    opscode_pushy_server: isSpread(chef)
      ? defined({ vip: chef.backend_vips?.ipaddress ?? vip, listen: ANY_ADDRESS, ha: chef.topology === 'ha' })
      : defined({ vip: chef.lb?.api_fqdn }),
    postgresql: defined({ vip, port, db_superuser, sslmode: sslModeSchema.safeParse(sslmode).data }),
    chef_server: defined(chefServerAddress(chef)),
  };
};

/** Whether there are frontends beside the backend; their nginx must reach the server over the network. */
const isSpread = ({ topology }: ChefServerRunning): boolean => topology === 'tier' || topology === 'ha';

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
  settings: Settings,
  chef: ChefServerRunning | undefined,
  paths: Paths,
  secretsFile: string,
): ServerConfig => {
  const { opscode_pushy_server: pushy, postgresql, chef_server } = settings;
  const known = Object.entries(pushy).filter(([key]) => key in serverConfigSchema.shape);
  const name = pushy.server_name_advertised ?? pushy.vip;
  if (name === undefined) {
    throw new AppError(
      'settings_missing',
      `${paths.settings}: opscode_pushy_server['server_name_advertised'] is missing: the name by which nodes reach this ` +
        'machine. It is inherited from Chef Server only where one is installed on this machine.',
    );
  }
  if (chef === undefined && chef_server.root_url === undefined) {
    throw new AppError(
      'settings_missing',
      `${paths.settings}: chef_server['root_url'] is missing, like 'https://chef.example.com': there is no Chef Server ` +
        `on this machine (no ${paths.chefRunning}), so it must be told where one is`,
    );
  }
  if (pushy.enable_graphite && pushy.graphite_host === undefined) {
    throw new AppError(
      'settings_missing',
      `${paths.settings}: opscode_pushy_server['graphite_host'] is missing: the host that takes the metrics, since ` +
        'enable_graphite is true',
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

/** The files with certificates stand below the root, like all others. */
const casBelow = (paths: Paths, { postgresql, chef_server, ...settings }: Settings): Settings => {
  const below = <T extends { ssl_ca_file?: string | undefined }>(section: T): T =>
    section.ssl_ca_file === undefined
      ? section
      : { ...section, ssl_ca_file: paths.under(section.ssl_ca_file) };
  return { ...settings, postgresql: below(postgresql), chef_server: below(chef_server) };
};
