import pg from 'pg';
import { AppError, errorCode, messageOf } from '../../../src/shared/lib/app-error.js';
import { type Connection, DIAGNOSTIC_TIMEOUTS } from '../../../src/server/persistence/connection-options.js';
import { toDatabaseError } from '../../../src/server/persistence/database-error.js';

/** SQLSTATE of a wrong password, and of a role that does not exist. */
const WRONG_PASSWORD = '28P01';

/** One open connection to PostgreSQL, for administration. */
export interface DatabaseConnection {
  /** Runs one statement and returns its rows. */
  query(sql: string, parameters?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Runs one statement that changes something; does nothing in `read-only` mode. */
  change(sql: string): Promise<void>;
}

/** Milliseconds for PostgreSQL to run a statement, and for us to wait for its result; 0 means no limit. */
interface Timeouts {
  readonly statement: number;
  readonly reply: number;
}

/** A change takes as long as it needs. */
const NO_TIMEOUTS: Timeouts = { statement: 0, reply: 0 };

/** `change` applies changes; `read-only` only reports them, with short timeouts. */
export type DatabaseMode = 'change' | 'read-only';

/** Opens a connection, runs `work` with it and closes it. Throws an AppError that says what to check. */
export const withDatabaseConnection = async <T>(
  connection: Connection,
  work: (database: DatabaseConnection) => Promise<T>,
  mode: DatabaseMode = 'change',
  timeouts: Timeouts = mode === 'read-only' ? DIAGNOSTIC_TIMEOUTS : NO_TIMEOUTS,
): Promise<T> => {
  const client = await connect(connection, timeouts);
  try {
    return await work({
      query: async (sql, parameters = []) =>
        (await client.query<Record<string, unknown>>(sql, [...parameters])).rows,
      change: async (sql) => {
        if (mode === 'change') await client.query(sql);
      },
    });
  } catch (thrown) {
    throw toDatabaseError(thrown, connection.target);
  } finally {
    await client.end();
  }
};

/** Whether PostgreSQL accepts role and password. Throws an AppError if it cannot be reached. */
export const acceptsLogin = async (connection: Connection): Promise<boolean> => {
  try {
    await withDatabaseConnection(connection, (database) => database.query('SELECT 1'), 'read-only');
    return true;
  } catch (thrown) {
    if (thrown instanceof LoginRejected) return false;
    throw thrown;
  }
};

/** PostgreSQL rejected role or password. */
class LoginRejected extends AppError {}

const connect = async (connection: Connection, timeouts: Timeouts): Promise<pg.Client> => {
  const { host, port, username, database, password, ssl, target } = connection;
  const client = new pg.Client({
    host,
    port,
    database,
    user: username,
    password: password ?? '',
    ...(ssl === undefined ? {} : { ssl }),
    connectionTimeoutMillis: DIAGNOSTIC_TIMEOUTS.connect,
    statement_timeout: timeouts.statement,
    query_timeout: timeouts.reply,
    application_name: 'opscode-push-jobs-server-ctl',
  });
  client.on('error', () => undefined); // the statement that runs fails with the reason
  try {
    await client.connect();
    return client;
  } catch (thrown) {
    const error = toDatabaseError(thrown, target);
    throw errorCode(thrown) === WRONG_PASSWORD ? new LoginRejected(error.code, messageOf(error)) : error;
  }
};
