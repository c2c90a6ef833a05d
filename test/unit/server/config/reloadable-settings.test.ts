import { describe, expect, it } from 'vitest';
import {
  compareSettings,
  type SettingName,
  settingValue,
  restartOnlySettings,
  applyReloadable,
} from '../../../../src/server/config/reloadable-settings.js';
import { type ServerConfig, serverConfigSchema } from '../../../../src/server/config/server-config.js';

const configOf = (settings: object = {}): ServerConfig =>
  serverConfigSchema.parse({
    server_name_advertised: 'push.example.com',
    database: { host: 'db.example.com' },
    secrets_file: '/etc/secrets.json',
    ...settings,
  });

/** Another value for every setting. */
const ALL_OTHER = {
  listen: '0.0.0.0',
  api_port: 1,
  zeromq_listen_address: 'tcp://127.0.0.1',
  command_port: 2,
  server_heartbeat_port: 3,
  zmq_io_processes: 4,
  server_name_advertised: 'other.example.com',
  heartbeat_interval: 5000,
  down_threshold: 0.5,
  decay_window: 6,
  rehab_timer: 7000,
  config_lifetime: 8,
  max_time_skew: 9,
  max_body_size: 10_000,
  voting_timeout: 11,
  default_running_timeout: 12,
  wait_complete_time: 13,
  keep_alive_time: 14,
  org_feed_expiration: 16,
  history_retention: { days: 17 },
  status_hides_job_ids: true,
  validate_client_node_name: false,
  log_level: 'debug',
  db_pool_size: 18,
  database: { host: 'other.example.com' },
  ha: true,
  secrets_file: '/other/secrets.json',
  enable_graphite: true,
  graphite_host: 'graphs.example.com',
  graphite_port: 19,
  chef_server: {
    erchef_url: 'http://other.example.com:8000',
    root_url: 'https://other.example.com',
    superuser: 'other',
    api_version: '12.0.0',
    ssl_ca_file: '/other/ca.pem',
    cache_seconds: 19,
    timeout: 20,
  },
};

const NEEDS_A_RESTART: SettingName[] = [
  'listen',
  'api_port',
  'zeromq_listen_address',
  'command_port',
  'server_heartbeat_port',
  'zmq_io_processes',
  'server_name_advertised',
  'heartbeat_interval',
  'max_body_size',
  'db_pool_size',
  'database',
  'ha',
  'secrets_file',
  'enable_graphite',
  'graphite_host',
  'graphite_port',
  'chef_server.erchef_url',
  'chef_server.root_url',
  'chef_server.api_version',
  'chef_server.ssl_ca_file',
];

describe('the settings of a running server', () => {
  it('do not differ from equal settings', () => {
    expect(compareSettings(configOf(), configOf())).toEqual({ atOnce: [], atRestart: [] });
  });

  it('each take effect either at once or at a restart', () => {
    const { atOnce, atRestart } = compareSettings(configOf(), configOf(ALL_OTHER));
    expect([...atRestart].sort()).toEqual([...NEEDS_A_RESTART].sort());
    const { chef_server, ...others } = ALL_OTHER;
    const all = [...Object.keys(others), ...Object.keys(chef_server).map((name) => `chef_server.${name}`)];
    expect([...atOnce, ...atRestart].sort()).toEqual(all.sort());
  });

  it('get the new values that take effect at once and keep the others', () => {
    const [running, next] = [configOf(), configOf(ALL_OTHER)];
    const now = applyReloadable(running, next);
    const { atOnce, atRestart } = compareSettings(running, next);
    for (const name of atOnce) expect(settingValue(now, name)).toEqual(settingValue(next, name));
    for (const name of atRestart) expect(settingValue(now, name)).toEqual(settingValue(running, name));
    expect(compareSettings(now, next).atOnce).toEqual([]);
    expect(Object.keys(now).sort()).toEqual(Object.keys(running).sort());
  });

  it('lose an optional one that is no longer set', () => {
    const now = applyReloadable(configOf({ history_retention: { days: 3, jobs: 5 } }), configOf());
    expect(now.history_retention).toEqual({ organizations: {} });
  });

  it('are reported by restartOnlySettings only if they need a restart', () => {
    expect(Object.keys(restartOnlySettings(configOf())).sort()).toEqual([...NEEDS_A_RESTART].sort());
    expect(restartOnlySettings(configOf({ log_level: 'debug' }))).toEqual(restartOnlySettings(configOf()));
    expect(restartOnlySettings(configOf({ api_port: 1 }))).not.toEqual(restartOnlySettings(configOf()));
  });
});
