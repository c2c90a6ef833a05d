import { z } from 'zod';
import { chefServerSchema, serverConfigSchema } from '../../../src/server/config/server-config.js';
import { DEFAULT_DATA_FOLDER, DEFAULT_LOG_FOLDER } from '../paths.js';
import { absolutePath, dedicatedFolder } from './dedicated-folder.js';

/** The server's own settings, under the same names; the four omitted ones come from other sections and places. */
const ofServer = serverConfigSchema.omit({
  database: true,
  chef_server: true,
  secrets_file: true,
  server_name_advertised: true,
}).shape;

/** The server's settings about the Chef Server; bounds and defaults are defined there. */
const ofChefServer = chefServerSchema.shape;

const port = () => z.coerce.number().int().min(1).max(65535);
const count = () => z.coerce.number().int().min(1);

/**
 * `opscode_pushy_server['…']`. The server's schema has the bounds and defaults of its own settings; the others are for
 * ctl. Sizes are bytes.
 */
const pushyServer = z.strictObject({
  ...ofServer,
  enable: z.boolean().default(true),
  /** The name by which nodes reach this machine; default: `vip`. */
  server_name_advertised: z.string().min(1).optional(),
  /** Default: the name of the Chef Server. */
  vip: z.string().min(1).optional(),
  chef_api_version: z.string().min(1).default('11.1.0'),
  log_directory: dedicatedFolder().default(DEFAULT_LOG_FOLDER),
  log_rotation: z
    .strictObject({
      file_maxbytes: z.coerce.number().int().min(4096).default(104_857_600),
      num_to_keep: count().default(10),
    })
    .prefault({}),
  dir: dedicatedFolder().default(DEFAULT_DATA_FOLDER),
  disable_curve_encryption: z
    .literal(false, 'cannot be true: the command channel is always encrypted')
    .default(false),
  detect_offline_nodes_interval: count().default(4),
  ibrowse_max_sessions: count().optional(),
  ibrowse_max_pipeline_size: count().optional(),
});

/** TLS mode of connections to PostgreSQL. */
export const sslModeSchema = z.enum(['disable', 'require', 'verify-full']);

const postgresql = z
  .strictObject({
    database_name: z.string().min(1).max(63).default('opscode_pushy'),
    sql_user: z.string().min(1).max(63).default('opscode_pushy'),
    sql_ro_user: z.string().min(1).max(63).default('opscode_pushy_ro'),
    vip: z.string().min(1).default('127.0.0.1'),
    port: port().default(5432),
    db_superuser: z.string().min(1).default('postgres'),
    sslmode: sslModeSchema.default('disable'),
    ssl_ca_file: absolutePath().optional(),
  })
  .refine(({ sql_user, db_superuser }) => sql_user !== db_superuser, {
    path: ['sql_user'],
    message: 'must not be db_superuser, whose password reconfigure would replace by the one of sql_user',
  })
  .refine(({ sql_user, sql_ro_user, db_superuser }) => ![sql_user, db_superuser].includes(sql_ro_user), {
    path: ['sql_ro_user'],
    message: 'must be neither sql_user nor db_superuser, whose password reconfigure would replace by its own',
  });

/** Address of the Chef Server, if it is on another machine or its own settings lack it. */
const chefServer = z.strictObject({
  erchef_url: z.url().optional(),
  root_url: z.url().optional(),
  superuser: z.string().min(1).optional(),
  ssl_ca_file: absolutePath().optional(),
  /** Seconds for which keys and groups are cached; without it they are fetched each time. */
  cache_seconds: ofChefServer.cache_seconds.optional(),
  /** Seconds that one request may take. */
  timeout: ofChefServer.timeout.optional(),
});

/** The sections of the settings file. */
export const sectionSchemas = {
  opscode_pushy_server: pushyServer,
  postgresql,
  chef_server: chefServer,
  bootstrap: z.strictObject({ enable: z.boolean().default(true) }),
} as const;

export type SectionName = keyof typeof sectionSchemas;

/** All settings, with defaults. */
export type Settings = { readonly [Name in SectionName]: z.infer<(typeof sectionSchemas)[Name]> };

/** Settings before validation. */
export type RawSettings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Settings of old servers that are still allowed but have no effect. */
export const UNUSED_SETTINGS = [
  'detect_offline_nodes_interval',
  'ibrowse_max_sessions',
  'ibrowse_max_pipeline_size',
] as const;
