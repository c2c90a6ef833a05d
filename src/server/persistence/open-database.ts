import { DataSource } from 'typeorm';
import { alwaysActive } from '../config/leadership.port.js';
import type { ServerConfig } from '../config/server-config.js';
import { DEFAULT_TIMEOUTS, dataSourceOptions, type DatabaseTimeouts } from './connection-options.js';
import type { Database } from './database.port.js';
import { toDatabaseError } from './database-error.js';
import { prepareDatabase } from './prepare-database.js';
import { TypeOrmDatabase } from './typeorm-database.js';

/** What the database is opened with. */
export interface OpenOptions {
  readonly database: ServerConfig['database'];
  readonly password?: string;
  /** Connections at most; the embedded database always has one. */
  readonly poolSize: number;
  readonly timeouts?: DatabaseTimeouts;
}

/** A database that is ready: its tables are up to date. */
export interface OpenDatabase {
  readonly dataSource: DataSource;
  readonly database: Database;
  /** Closes the connections and, where there is one, the embedded database. */
  close(): Promise<void>;
}

/**
 * Opens a database outside of the server, for a command or a test: prepares it and connects. Throws an AppError that
 * says which database it was about and what to check.
 */
export const openDatabase = async (options: OpenOptions): Promise<OpenDatabase> => {
  const prepared = await prepareDatabase(options.database, options.password);
  const { connection, mostConnections = options.poolSize } = prepared;
  const dataSource = new DataSource({
    ...dataSourceOptions(connection, mostConnections, options.timeouts ?? DEFAULT_TIMEOUTS),
    poolErrorHandler: () => undefined, // a connection that breaks while idle is replaced when it is needed
  });
  try {
    await dataSource.initialize();
  } catch (thrown) {
    await prepared.close();
    throw toDatabaseError(thrown, connection.target);
  }
  return {
    dataSource,
    database: new TypeOrmDatabase(dataSource, connection.target, alwaysActive, prepared.keepsStatements),
    close: async () => {
      await dataSource.destroy();
      await prepared.close();
    },
  };
};
