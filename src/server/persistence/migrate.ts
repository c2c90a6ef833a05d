import { DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import {
  type Connection,
  type DatabaseTimeouts,
  dataSourceOptions,
  LOOK_TIMEOUTS,
} from './connection-options.js';
import { toDatabaseError } from './database-error.js';
import { MIGRATIONS } from './migration-list.js';

/** Whoever migrates holds this PostgreSQL advisory lock; the number means nothing, it only must not change. */
const MIGRATION_LOCK = 7_283_911_046;

/** A table can be large; a migration may take as long as it needs. */
const WITHOUT_LIMIT: DatabaseTimeouts = { connect: 10_000, statement: 0, answer: 0 };

/**
 * Brings the database's tables up to date and hands back the names of the migrations that ran (none: it was up to
 * date). All or nothing: one transaction, under a lock, so that of two servers that start at once one waits and then
 * finds nothing to do. Throws an AppError that says what to check.
 */
export const migrate = (connection: Connection): Promise<string[]> =>
  withRunner(connection, WITHOUT_LIMIT, async (runner, executor) => {
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

/** The names of all migrations, oldest first: those that an empty database gets. */
export const ALL_MIGRATIONS: readonly string[] = MIGRATIONS.map(({ name }) => name);

/** The names of the migrations that `migrate` would run, oldest first; changes nothing, and does not wait for long. */
export const pendingMigrations = (connection: Connection): Promise<string[]> =>
  withRunner(connection, LOOK_TIMEOUTS, async (_runner, executor) =>
    (await executor.getPendingMigrations()).map(({ name }) => name),
  );

/** Takes the newest migration back, for tests and emergencies; what its columns and tables held is lost. */
export const revertNewest = (connection: Connection): Promise<void> =>
  withRunner(connection, WITHOUT_LIMIT, (_runner, executor) => executor.undoLastMigration());

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
