import type { ServerConfig } from '../config/server-config.js';
import { type Connection, connectionOf } from './connection-options.js';
import { startEmbeddedDatabase } from './embedded-database.js';
import { migrate } from './migrate.js';

/** A database whose tables are up to date, but that nobody is connected to yet. */
export interface PreparedDatabase {
  readonly connection: Connection;
  /** How many connections it takes at once; undefined: as many as the settings say. */
  readonly mostConnections?: number;
  /** Whether a statement may be kept under a name; connections that share one session would clash. */
  readonly keepsStatements: boolean;
  /** The migrations that ran just now. */
  readonly migrated: readonly string[];
  /** Ends the embedded database, where it is one. Close the connections first. */
  close(): Promise<void>;
}

/**
 * Gets the database of the settings ready: starts it where it is the embedded one, and migrates it. Throws an AppError
 * that says which database it was about and what to check.
 */
export const prepareDatabase = async (
  database: ServerConfig['database'],
  password?: string,
): Promise<PreparedDatabase> => {
  if ('host' in database) {
    const connection = connectionOf(database, password);
    const migrated = await migrate(connection);
    return { connection, keepsStatements: true, migrated, close: () => Promise.resolve() };
  }
  const embedded = await startEmbeddedDatabase(database.embedded_folder);
  const { connection } = embedded;
  try {
    const migrated = await migrate(connection);
    const close = () => embedded.close();
    return { connection, mostConnections: 1, keepsStatements: false, migrated, close };
  } catch (thrown) {
    await embedded.close();
    throw thrown;
  }
};
