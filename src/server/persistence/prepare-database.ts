import type { ServerConfig } from '../config/server-config.js';
import { type Connection, connectionOf } from './connection-options.js';
import { startEmbeddedDatabase } from './embedded-database.js';
import { migrate } from './migrate.js';

/** A database whose tables are up to date and that has no connections yet. */
export abstract class PreparedDatabase {
  abstract readonly connection: Connection;
  /** How many connections it accepts at once; undefined if only the settings limit them. */
  abstract readonly maxConnections?: number;
  /** Whether connections have prepared statements of their own; in the embedded database they share one set. */
  abstract readonly supportsNamedStatements: boolean;
  /** The names of the migrations that ran now. */
  abstract readonly migrated: readonly string[];
  /** Ends the database if it is the embedded one. Close the connections first. */
  abstract close(): Promise<void>;
}

/**
 * Starts the database if it is the embedded one, and migrates it. Throws an AppError that names the database and what to
 * check.
 */
export const prepareDatabase = async (
  database: ServerConfig['database'],
  password?: string,
): Promise<PreparedDatabase> => {
  if ('host' in database) {
    const connection = connectionOf(database, password);
    const migrated = await migrate(connection);
    return { connection, supportsNamedStatements: true, migrated, close: () => Promise.resolve() };
  }
  const embedded = await startEmbeddedDatabase(database.embedded_folder);
  const { connection } = embedded;
  try {
    const migrated = await migrate(connection);
    const close = () => embedded.close();
    return { connection, maxConnections: 1, supportsNamedStatements: false, migrated, close };
  } catch (thrown) {
    await embedded.close();
    throw thrown;
  }
};
