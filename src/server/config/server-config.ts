import { z } from 'zod';

/** A whole number that may be written as a string, as the settings file of old servers does. */
const whole = (least: number, most = 2 ** 31 - 1) => z.coerce.number().int().min(least).max(most);
const port = () => whole(1, 65535);

/** Where the jobs are kept: a PostgreSQL server, or the embedded one whose data stands in a folder. */
const database = z.union([
  z.strictObject({
    host: z.string().min(1),
    port: port().default(5432),
    database_name: z.string().min(1).default('opscode_pushy'),
    sql_user: z.string().min(1).default('opscode_pushy'),
    sslmode: z.enum(['disable', 'require', 'verify-full']).default('disable'),
    ssl_ca_file: z.string().optional(),
  }),
  z.strictObject({ embedded_folder: z.string().min(1) }),
]);

/** How the Chef Server is asked for keys, organizations and groups. */
export const chefServerSchema = z.strictObject({
  /** Internal address of erchef, for unsigned look-ups of principals. */
  erchef_url: z.url().default('http://localhost:8000'),
  /** Root address for requests that are signed as the superuser. */
  root_url: z.url().default('https://localhost'),
  superuser: z.string().min(1).default('pivotal'),
  api_version: z.string().min(1).default('11.1.0'),
  ssl_ca_file: z.string().optional(),
  /**
   * Seconds for which keys and groups are remembered. 0 asks each time; otherwise a key that was taken away and a right
   * that was withdrawn count for that long.
   */
  cache_seconds: z.coerce.number().nonnegative().max(300).default(0),
  /** Seconds that one look-up may take. */
  timeout: z.coerce.number().positive().max(300).default(5),
});

/** What is kept of ended jobs; without a limit everything is. */
const retention = {
  /** Jobs that are older, in days, are removed with their output. */
  days: whole(1).optional(),
  /** So many of the newest of an organization are kept. */
  jobs: whole(1).optional(),
};
const historyRetention = z.strictObject({
  ...retention,
  /** Organizations that have limits of their own, by name. */
  organizations: z.record(z.string(), z.strictObject(retention)).default({}),
});

/**
 * The server's settings, under the names that operators know. Ports, hosts and folders as the operating system takes
 * them; `heartbeat_interval` and `rehab_timer` are milliseconds, all other times are seconds, sizes are bytes.
 */
export const serverConfigSchema = z.strictObject({
  listen: z.string().min(1).default('127.0.0.1'),
  api_port: port().default(10003),
  zeromq_listen_address: z
    .string()
    .regex(/^tcp:\/\/[^/]+$/, "must be like 'tcp://*' or 'tcp://192.0.2.1', without a port")
    .default('tcp://*'),
  command_port: port().default(10002),
  server_heartbeat_port: port().default(10000),
  zmq_io_processes: whole(1, 64).default(1),
  server_name_advertised: z.string().min(1),

  heartbeat_interval: whole(100).default(10_000),
  down_threshold: z.coerce.number().positive().max(1).default(0.6),
  decay_window: z.coerce.number().min(1).max(1000).default(4),
  rehab_timer: whole(10).default(1000),
  config_lifetime: whole(1).default(3600),
  max_time_skew: whole(1).default(300),
  max_body_size: whole(1024, 64 * 1024 * 1024).default(65_536),

  voting_timeout: z.coerce.number().positive().default(60),
  default_running_timeout: whole(0).default(3600),
  wait_complete_time: z.coerce.number().nonnegative().default(5),
  keep_alive_time: z.coerce.number().positive().default(15),
  org_feed_expiration: z.coerce.number().nonnegative().default(60),

  history_retention: historyRetention.prefault({}),
  /** `/pushy/_status`, which anybody may ask, names no jobs. */
  status_hides_job_ids: z.boolean().default(false),
  validate_client_node_name: z.boolean().default(true),
  log_level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
  /** The metrics are sent to Graphite, too: to Carbon's plain protocol at this host. */
  enable_graphite: z.boolean().default(false),
  graphite_host: z.string().min(1).optional(),
  graphite_port: port().default(2003),
  db_pool_size: whole(1, 1000).default(20),
  database,
  chef_server: chefServerSchema.prefault({}),
  /** Of several servers on one database one is active, the others stand by. */
  ha: z.boolean().default(false),
  /** The file with the server's keys and passwords, readable by its user only. */
  secrets_file: z.string().min(1),
});

export type ServerConfig = z.infer<typeof serverConfigSchema>;

/** Under this token the parsed, frozen settings are injected. */
export const SERVER_CONFIG = Symbol('SERVER_CONFIG');
