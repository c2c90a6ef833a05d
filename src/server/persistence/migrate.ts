import { DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import {
  type Connection,
  type DatabaseTimeouts,
  dataSourceOptions,
  DIAGNOSTIC_TIMEOUTS,
} from './connection-options.js';
import { toDatabaseError } from './database-error.js';
import { MIGRATIONS } from './migration-list.js';

/** PostgreSQL advisory lock of a migration; the number is arbitrary and must never change. */
const MIGRATION_LOCK = 7_283_911_046;

/** A migration of large tables takes long. */
const NO_TIMEOUTS: DatabaseTimeouts = { connect: 10_000, statement: 0, reply: 0 };

/**
 * Runs all pending migrations in one transaction and returns their names. It holds a lock, so if two servers start at the
 * same time, one waits and then has nothing to migrate. Throws an AppError that says what to check.
 */
export const migrate = (connection: Connection): Promise<string[]> =>
  withRunner(connection, NO_TIMEOUTS, async (runner, executor) => {
    await runner.startTransaction();
    try {
      await runner.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
      const ran = await executor.executePendingMigrations();
      await runner.commitTransaction();
      return ran.map(({ name }) => name);
    } catch (thrown) {
      if (runner.isTransactionActive && !runner.isReleased) await runner.rollbackTransaction();
      throw thrown;
    }
  });

/** The names of all migrations, oldest first. */
export const ALL_MIGRATIONS: readonly string[] = MIGRATIONS.map(({ name }) => name);

/** Returns the names of the migrations that `migrate` would run, oldest first; read-only, with short timeouts. */
export const pendingMigrations = (connection: Connection): Promise<string[]> =>
  withRunner(connection, DIAGNOSTIC_TIMEOUTS, async (_runner, executor) =>
    (await executor.getPendingMigrations()).map(({ name }) => name),
  );

/** Reverts the newest migration, for tests and emergencies; the data in its columns and tables are lost. */
export const revertNewest = (connection: Connection): Promise<void> =>
  withRunner(connection, NO_TIMEOUTS, (_runner, executor) => executor.undoLastMigration());

const withRunner = async <T>(
  connection: Connection,
  timeouts: DatabaseTimeouts,
  work: (runner: QueryRunner, executor: MigrationExecutor) => Promise<T>,
): Promise<T> => {
  const source = new DataSource({
    ...dataSourceOptions(connection, 1, timeouts),
    migrations: MIGRATIONS,
  });
  try {
    await source.initialize();
    const runner = source.createQueryRunner();
    try {
      return await work(runner, new MigrationExecutor(source, runner));
    } finally {
      await runner.release();
    }
  } catch (thrown) {
    throw toDatabaseError(thrown, connection.target);
  } finally {
    if (source.isInitialized) await source.destroy();
  }
};
