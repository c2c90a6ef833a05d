import pg from 'pg';
import { AppError, messageOf } from '../../../src/shared/lib/app-error.js';
import { type Connection, LOOK_TIMEOUTS } from '../../../src/server/persistence/connection-options.js';
import { toDatabaseError } from '../../../src/server/persistence/database-error.js';

/** SQLSTATE of a wrong password; PostgreSQL says the same of a role that is not there. */
const WRONG_PASSWORD = '28P01';

/** One connection to PostgreSQL, for administration. */
export interface Session {
  /** Runs one statement and hands back its rows. */
  query(sql: string, parameters?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Runs one statement that changes something; leaves it where the session is only to look. */
  change(sql: string): Promise<void>;
}

/** How long PostgreSQL may take for a statement, and we wait for its answer, in milliseconds; 0 is for ever. */
interface Limits {
  readonly statement: number;
  readonly answer: number;
}

/** What changes things takes as long as it needs. */
const WITHOUT_LIMIT: Limits = { statement: 0, answer: 0 };

/** Whether what is not right is put right, or only said: then only for a reasonable time. */
export type Mode = 'change' | 'look';

/** Works on a connection that is closed afterwards; throws an AppError that says what to check. */
export const withSession = async <T>(
  connection: Connection,
  work: (session: Session) => Promise<T>,
  mode: Mode = 'change',
  limits: Limits = mode === 'look' ? LOOK_TIMEOUTS : WITHOUT_LIMIT,
): Promise<T> => {
  const client = await connect(connection, limits);
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

/** Whether PostgreSQL accepts role and password; throws an AppError where it cannot be asked. */
export const isLetIn = async (connection: Connection): Promise<boolean> => {
  try {
    await withSession(connection, (session) => session.query('SELECT 1'), 'look');
    return true;
  } catch (thrown) {
    if (thrown instanceof RefusedLogin) return false;
    throw thrown;
  }
};

/** PostgreSQL did not accept name and password. */
class RefusedLogin extends AppError {}

const connect = async (connection: Connection, limits: Limits): Promise<pg.Client> => {
  const { host, port, username, database, password, ssl, target } = connection;
  const client = new pg.Client({
    host,
    port,
    database,
    user: username,
    password: password ?? '',
    ...(ssl === undefined ? {} : { ssl }),
    connectionTimeoutMillis: LOOK_TIMEOUTS.connect,
    statement_timeout: limits.statement,
    query_timeout: limits.answer,
    application_name: 'opscode-push-jobs-server-ctl',
  });
  client.on('error', () => undefined); // the statement that runs fails with the reason
  try {
    await client.connect();
    return client;
  } catch (thrown) {
    const error = toDatabaseError(thrown, target);
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
    throw code === WRONG_PASSWORD ? new RefusedLogin(error.code, messageOf(error)) : error;
  }
};
