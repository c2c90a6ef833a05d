import { z } from 'zod';

/** The largest number that timers, dates and database columns can all hold; in seconds, 68 years. */
const MAX_NUMBER = 2 ** 31 - 1;

/** Our node client accepts no longer heartbeat interval. */
const DAY_MS = 86_400_000;

/** A hundred years; a longer retention would begin before the first date that PostgreSQL and JavaScript can hold. */
const MAX_RETENTION_DAYS = 36_500;

/** A whole number; the settings files of old servers may contain it as a string. */
const wholeNumber = (min: number, max = MAX_NUMBER) => z.coerce.number().int().min(min).max(max);
/** Seconds, with a fraction. */
const seconds = (max = MAX_NUMBER) => z.coerce.number().nonnegative().max(max);
const secondsAboveZero = (max = MAX_NUMBER) => z.coerce.number().positive().max(max);
const port = () => wholeNumber(1, 65535);

/** The database: a PostgreSQL server, or the embedded one with its data in a folder. */
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

/** How the server queries Chef Server for keys, organizations and groups. */
export const chefServerSchema = z.strictObject({
  /** Internal address of erchef, for unsigned lookups of principals. */
  erchef_url: z.url().default('http://localhost:8000'),
  /** Root address for requests signed as the superuser. */
  root_url: z.url().default('https://localhost'),
  superuser: z.string().min(1).default('pivotal'),
  api_version: z.string().min(1).default('11.1.0'),
  ssl_ca_file: z.string().optional(),
  /**
   * How long keys and groups are cached, in seconds; 0 queries Chef Server each time. A deleted key or a revoked right
   * stays effective for that long.
   */
  cache_seconds: seconds(300).default(0),
  /** Timeout of one lookup, in seconds. */
  timeout: secondsAboveZero(300).default(5),
});

/** Which ended jobs are kept; without a limit, all. */
const retention = {
  /** Older jobs are deleted with their output; in days. */
  days: wholeNumber(1, MAX_RETENTION_DAYS).optional(),
  /** How many of the newest jobs of an organization are kept. */
  jobs: wholeNumber(1).optional(),
};
const historyRetention = z.strictObject({
  ...retention,
  /** Limits of single organizations, by name. */
  organizations: z.record(z.string(), z.strictObject(retention)).default({}),
});

/**
 * The server configuration, with the names of the settings. `heartbeat_interval` and `rehab_timer` are milliseconds, all
 * other times are seconds, sizes are bytes. See docs/spec/operations.md, "Settings".
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
  zmq_io_processes: wholeNumber(1, 64).default(1),
  server_name_advertised: z.string().min(1),

  heartbeat_interval: wholeNumber(100, DAY_MS).default(10_000),
  down_threshold: z.coerce.number().positive().max(1).default(0.6),
  decay_window: z.coerce.number().min(1).max(1000).default(4),
  rehab_timer: wholeNumber(10, DAY_MS).default(1000),
  /**
   * After how many silent heartbeat intervals a job node ends whose node has voted yes or runs the command; `job`: with its
   * job.
   */
  lost_contact_timeout: z.union([z.literal('job'), z.coerce.number().min(3).max(1_000_000)]).default(12),
  config_lifetime: wholeNumber(1).default(3600),
  max_time_skew: wholeNumber(1).default(300),
  max_body_size: wholeNumber(1024, 64 * 1024 * 1024).default(65_536),

  voting_timeout: secondsAboveZero().default(60),
  default_running_timeout: wholeNumber(0).default(3600),
  wait_complete_time: seconds().default(5),
  keep_alive_time: secondsAboveZero().default(15),
  org_feed_expiration: seconds().default(60),

  history_retention: historyRetention.prefault({}),
  /** Whether `/pushy/_status`, which needs no authentication, leaves out the ids of jobs. */
  status_hides_job_ids: z.boolean().default(false),
  validate_client_node_name: z.boolean().default(true),
  log_level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
  /** Whether the metrics are also sent to Graphite, in Carbon's plaintext protocol. */
  enable_graphite: z.boolean().default(false),
  graphite_host: z.string().min(1).optional(),
  graphite_port: port().default(2003),
  db_pool_size: wholeNumber(1, 1000).default(20),
  database,
  chef_server: chefServerSchema.prefault({}),
  /** Whether several servers share the database: one is the leader, the others stand by. */
  ha: z.boolean().default(false),
  /** File with the server's keys and passwords; only its owner may read it. */
  secrets_file: z.string().min(1),
});

export type ServerConfig = z.infer<typeof serverConfigSchema>;

/** Injection token of the parsed, frozen settings. */
export const SERVER_CONFIG = Symbol('SERVER_CONFIG');
