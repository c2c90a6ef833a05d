import { DataSource } from 'typeorm';
import { alwaysLeader } from '../config/leadership.port.js';
import type { ServerConfig } from '../config/server-config.js';
import { DEFAULT_TIMEOUTS, dataSourceOptions, type DatabaseTimeouts } from './connection-options.js';
import type { Database } from './database.port.js';
import { toDatabaseError } from './database-error.js';
import { prepareDatabase } from './prepare-database.js';
import { TypeOrmDatabase } from './typeorm-database.js';

/** How to open the database. */
export interface OpenOptions {
  readonly database: ServerConfig['database'];
  readonly password?: string;
  /** Maximum connections; the embedded database always has one. */
  readonly poolSize: number;
  readonly timeouts?: DatabaseTimeouts;
}

/** An open database whose tables are up to date. */
export interface OpenDatabase {
  readonly dataSource: DataSource;
  readonly database: Database;
  /** Closes the connections, and the embedded database if it is one. */
  close(): Promise<void>;
}

/**
 * Prepares a database and connects to it outside of the server, for a command or a test. It owns no organization unless
 * it takes over. Throws an AppError that names the database and what to check.
 */
export const openDatabase = async (options: OpenOptions): Promise<OpenDatabase> => {
  const prepared = await prepareDatabase(options.database, options.password);
  const { connection, maxConnections = options.poolSize } = prepared;
  const dataSource = new DataSource({
    ...dataSourceOptions(connection, maxConnections, options.timeouts ?? DEFAULT_TIMEOUTS),
    poolErrorHandler: () => undefined, // the pool replaces an idle connection that broke
  });
  try {
    await dataSource.initialize();
  } catch (thrown) {
    await prepared.close();
    throw toDatabaseError(thrown, connection.target);
  }
  return {
    dataSource,
    database: new TypeOrmDatabase(
      dataSource,
      connection.target,
      alwaysLeader,
      prepared.supportsNamedStatements,
    ),
    close: async () => {
      await dataSource.destroy();
      await prepared.close();
    },
  };
};
