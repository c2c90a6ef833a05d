import { readFileSync } from 'node:fs';
import type { ServerConfig } from '../config/server-config.js';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import type { DatabaseTarget } from './database-error.js';

/** A PostgreSQL server as the settings name it. */
export type ServerDatabase = Extract<ServerConfig['database'], { host: string }>;

/** How long things may take, in milliseconds. */
export interface DatabaseTimeouts {
  /** Until a connection stands, or one of the pool is free. */
  readonly connect: number;
  /** Until PostgreSQL gives a statement up; 0 is never. */
  readonly statement: number;
  /** Until we give a connection up whose answer does not come (a network that was cut); 0 is never. */
  readonly answer: number;
}

export const DEFAULT_TIMEOUTS: DatabaseTimeouts = { connect: 10_000, statement: 30_000, answer: 40_000 };

/** For those who only look, and are to say soon what they see: a table can be locked, the network cut. */
export const LOOK_TIMEOUTS: DatabaseTimeouts = { connect: 10_000, statement: 10_000, answer: 15_000 };

/** The name under which PostgreSQL shows our connections. */
const APPLICATION_NAME = 'push-jobs-server';

/** Everything that the driver needs to reach one database, and its name for messages. */
export interface Connection {
  readonly target: DatabaseTarget;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly database: string;
  readonly password?: string;
  readonly ssl?: { readonly rejectUnauthorized: boolean; readonly ca?: string };
}

/** The way to a PostgreSQL server; throws an AppError where the CA file cannot be read. */
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
 * Options of a TypeORM data source on that connection. `pipeline` has the driver close a connection whose answer did
 * not come in time; without it a dead connection would go back into the pool.
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
  logger: 'debug' as const, // the others write failed migrations to standard output, past our log
  extra: {
    keepAlive: true,
    statement_timeout: timeouts.statement,
    query_timeout: timeouts.answer,
    pipeline: true,
  },
});
