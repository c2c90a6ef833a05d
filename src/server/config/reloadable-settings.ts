import { isDeepStrictEqual } from 'node:util';
import type { ServerConfig } from './server-config.js';

type TopLevel = Exclude<keyof ServerConfig, 'chef_server'>;

/** A setting by name; those of the Chef Server are told apart. */
export type SettingName = TopLevel | `chef_server.${keyof ServerConfig['chef_server']}`;

/**
 * What becomes of a setting that is changed while the server runs: it counts for all that comes next, or the server
 * must be started again. Sockets, pools and what nodes learned with their config stay as they are; and the Chef Server's
 * addresses stay with the certificates that they are checked against.
 */
const TAKES_EFFECT: Readonly<Record<SettingName, 'at_once' | 'at_restart'>> = {
  listen: 'at_restart',
  api_port: 'at_restart',
  zeromq_listen_address: 'at_restart',
  command_port: 'at_restart',
  server_heartbeat_port: 'at_restart',
  zmq_io_processes: 'at_restart',
  server_name_advertised: 'at_restart',
  heartbeat_interval: 'at_restart',
  max_body_size: 'at_restart',
  db_pool_size: 'at_restart',
  database: 'at_restart',
  ha: 'at_restart',
  secrets_file: 'at_restart',
  enable_graphite: 'at_restart',
  graphite_host: 'at_restart',
  graphite_port: 'at_restart',
  'chef_server.erchef_url': 'at_restart',
  'chef_server.root_url': 'at_restart',
  'chef_server.api_version': 'at_restart',
  'chef_server.ssl_ca_file': 'at_restart',

  down_threshold: 'at_once',
  decay_window: 'at_once',
  rehab_timer: 'at_once',
  config_lifetime: 'at_once',
  max_time_skew: 'at_once',
  voting_timeout: 'at_once',
  default_running_timeout: 'at_once',
  wait_complete_time: 'at_once',
  keep_alive_time: 'at_once',
  org_feed_expiration: 'at_once',
  history_retention: 'at_once',
  status_hides_job_ids: 'at_once',
  validate_client_node_name: 'at_once',
  log_level: 'at_once',
  'chef_server.superuser': 'at_once',
  'chef_server.cache_seconds': 'at_once',
  'chef_server.timeout': 'at_once',
};

const NAMES = Object.keys(TAKES_EFFECT) as SettingName[];

const IN_CHEF_SERVER = 'chef_server.';

/** The value of a setting; undefined where it is left out. */
export const settingOf = (config: ServerConfig, name: SettingName): unknown =>
  name.startsWith(IN_CHEF_SERVER)
    ? config.chef_server[name.slice(IN_CHEF_SERVER.length) as keyof ServerConfig['chef_server']]
    : config[name as TopLevel];

/** The settings that differ, by when they take effect. */
export interface SettingsDifference {
  readonly atOnce: readonly SettingName[];
  readonly atRestart: readonly SettingName[];
}

/** Holds the settings of a running server against others. */
export const differenceOf = (running: ServerConfig, next: ServerConfig): SettingsDifference => {
  const different = NAMES.filter(
    (name) => !isDeepStrictEqual(settingOf(running, name), settingOf(next, name)),
  );
  return {
    atOnce: different.filter((name) => TAKES_EFFECT[name] === 'at_once'),
    atRestart: different.filter((name) => TAKES_EFFECT[name] === 'at_restart'),
  };
};

/** The settings that a running server goes on with: of the others it takes over what takes effect at once. */
export const takenOver = (running: ServerConfig, next: ServerConfig): ServerConfig => {
  const taken = (prefix: string, from: object): object =>
    Object.fromEntries(
      Object.entries(from).filter(([name]) => TAKES_EFFECT[`${prefix}${name}` as SettingName] === 'at_once'),
    );
  return Object.freeze({
    ...running,
    ...taken('', next),
    chef_server: { ...running.chef_server, ...taken(IN_CHEF_SERVER, next.chef_server) },
  });
};

/** Those settings for which a running server must be started again, by name. */
export const settingsOfStart = (config: ServerConfig): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    NAMES.filter((name) => TAKES_EFFECT[name] === 'at_restart').map((name) => [
      name,
      settingOf(config, name),
    ]),
  );
