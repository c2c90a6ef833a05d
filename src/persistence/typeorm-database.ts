import type { DataSource, QueryRunner } from 'typeorm';
import { type Activity, alwaysActive } from '../config/activity.port.js';
import { AppError, messageOf } from '../lib/app-error.js';
import { DATABASE_REFUSED, DATABASE_UNAVAILABLE, type Database } from './database.port.js';
import { type DatabaseTarget, isPermanent, toDatabaseError } from './database-error.js';

/** Statements over a TypeORM data source; its errors carry every parameter, ours must not. */
export class TypeOrmDatabase implements Database {
  constructor(
    private readonly dataSource: DataSource,
    private readonly target: DatabaseTarget,
    private readonly activity: Activity = alwaysActive,
  ) {}

  query(sql: string, parameters: readonly unknown[] = []): Promise<unknown[]> {
    return this.withRunner((runner) => rowsOf(runner, sql, parameters));
  }

  transaction<T>(work: (query: Database['query']) => Promise<T>): Promise<T> {
    return this.withRunner(async (runner) => {
      await runner.startTransaction();
      try {
        const result = await work((sql, parameters = []) => rowsOf(runner, sql, parameters));
        await runner.commitTransaction();
        return result;
      } catch (thrown) {
        // A connection that broke was rolled back by the server, and its runner is released already.
        if (!runner.isReleased) await runner.rollbackTransaction();
        throw thrown;
      }
    });
  }

  private async withRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    if (!this.activity.isActive) {
      throw new AppError(DATABASE_UNAVAILABLE, 'this server is not the active one: another has taken over');
    }
    const runner = this.dataSource.createQueryRunner();
    try {
      return await work(runner);
    } catch (thrown) {
      if (thrown instanceof AppError) throw thrown;
      if (!isPermanent(thrown)) throw toDatabaseError(thrown, this.target);
      throw new AppError(DATABASE_REFUSED, `the database refuses the data: ${messageOf(thrown)}`);
    } finally {
      await runner.release();
    }
  }
}

const rowsOf = async (
  runner: QueryRunner,
  sql: string,
  parameters: readonly unknown[],
): Promise<unknown[]> => {
  const result = await runner.query(sql, [...parameters], true);
  return result.records as unknown[];
};
