import { readFileSync } from 'node:fs';
import type { ServerConfig } from '../config/server-config.js';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import type { DatabaseTarget } from './database-error.js';

/** The settings of a PostgreSQL server. */
export type ServerDatabase = Extract<ServerConfig['database'], { host: string }>;

/** Timeouts in milliseconds; 0 is no timeout. */
export interface DatabaseTimeouts {
  /** Until a connection is established, or one of the pool is free. */
  readonly connect: number;
  /** Until PostgreSQL cancels a statement. */
  readonly statement: number;
  /** Until we close a connection that gets no reply, for example because the network failed. */
  readonly reply: number;
}

export const DEFAULT_TIMEOUTS: DatabaseTimeouts = { connect: 10_000, statement: 30_000, reply: 40_000 };

/** Short timeouts for read-only diagnostics. */
export const DIAGNOSTIC_TIMEOUTS: DatabaseTimeouts = { connect: 10_000, statement: 10_000, reply: 15_000 };

/** The name of our connections in `pg_stat_activity`. */
const APPLICATION_NAME = 'push-jobs-server';

/** What the driver needs to connect to one database, and `target` for error texts. */
export interface Connection {
  readonly target: DatabaseTarget;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly database: string;
  readonly password?: string;
  readonly ssl?: { readonly rejectUnauthorized: boolean; readonly ca?: string };
}

/** Returns the connection to a PostgreSQL server; throws an AppError if the CA file cannot be read. */
export const connectionOf = (server: ServerDatabase, password?: string): Connection => ({
  target: {
    where: `${server.host}:${server.port}`,
    database: server.database_name,
    user: server.sql_user,
  },
  host: server.host,
  port: server.port,
  username: server.sql_user,
  database: server.database_name,
  ...(password === undefined ? {} : { password }),
  ...(server.sslmode === 'disable' ? {} : { ssl: sslOf(server) }),
});

const sslOf = (server: ServerDatabase): NonNullable<Connection['ssl']> => ({
  rejectUnauthorized: server.sslmode === 'verify-full',
  ...(server.ssl_ca_file === undefined ? {} : { ca: readCa(server.ssl_ca_file) }),
});

const readCa = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw new AppError('database_ca_unreadable', `cannot read ssl_ca_file ${file}: ${messageOf(thrown)}`);
  }
};

/**
 * Returns the options of a TypeORM data source. `pipeline` makes the driver close a connection whose reply timed out;
 * without it a dead connection would return to the pool.
 */
export const dataSourceOptions = (
  { host, port, username, database, password, ssl }: Connection,
  poolSize: number,
  timeouts: DatabaseTimeouts = DEFAULT_TIMEOUTS,
) => ({
  type: 'postgres' as const,
  host,
  port,
  username,
  database,
  ...(password === undefined ? {} : { password }),
  ...(ssl === undefined ? {} : { ssl }),
  applicationName: APPLICATION_NAME,
  connectTimeoutMS: timeouts.connect,
  poolSize,
  installExtensions: false,
  logging: false,
  logger: 'debug' as const, // the other loggers write failed migrations to standard output
  extra: {
    keepAlive: true,
    statement_timeout: timeouts.statement,
    query_timeout: timeouts.reply,
    pipeline: true,
  },
});
