import { isDeepStrictEqual } from 'node:util';
import type { ServerConfig } from './server-config.js';

type TopLevel = Exclude<keyof ServerConfig, 'chef_server'>;

/** The name of a setting; those of the Chef Server have a prefix. */
export type SettingName = TopLevel | `chef_server.${keyof ServerConfig['chef_server']}`;

/**
 * When a changed setting of a running server takes effect. Sockets, pools and what nodes got in their config document
 * cannot change before a restart. The Chef Server's addresses cannot either, because its certificates cannot.
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
  lost_contact_timeout: 'at_once',
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

const CHEF_SERVER_PREFIX = 'chef_server.';

/** Returns the value of a setting; undefined if it is not set. */
export const settingValue = (config: ServerConfig, name: SettingName): unknown =>
  name.startsWith(CHEF_SERVER_PREFIX)
    ? config.chef_server[name.slice(CHEF_SERVER_PREFIX.length) as keyof ServerConfig['chef_server']]
    : config[name as TopLevel];

/** The names of changed settings, by when they take effect. */
export interface ChangedSettings {
  readonly atOnce: readonly SettingName[];
  readonly atRestart: readonly SettingName[];
}

/** Compares the settings of a running server with new ones. */
export const compareSettings = (running: ServerConfig, next: ServerConfig): ChangedSettings => {
  const different = NAMES.filter(
    (name) => !isDeepStrictEqual(settingValue(running, name), settingValue(next, name)),
  );
  return {
    atOnce: different.filter((name) => TAKES_EFFECT[name] === 'at_once'),
    atRestart: different.filter((name) => TAKES_EFFECT[name] === 'at_restart'),
  };
};

/** Returns the running settings with the new values of all settings that take effect at once. */
export const applyReloadable = (running: ServerConfig, next: ServerConfig): ServerConfig => {
  const reloadable = (prefix: string, from: object): object =>
    Object.fromEntries(
      Object.entries(from).filter(([name]) => TAKES_EFFECT[`${prefix}${name}` as SettingName] === 'at_once'),
    );
  return Object.freeze({
    ...running,
    ...reloadable('', next),
    chef_server: { ...running.chef_server, ...reloadable(CHEF_SERVER_PREFIX, next.chef_server) },
  });
};

/** Returns the settings that take effect only at a restart, by name. */
export const restartOnlySettings = (config: ServerConfig): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    NAMES.filter((name) => TAKES_EFFECT[name] === 'at_restart').map((name) => [
      name,
      settingValue(config, name),
    ]),
  );
