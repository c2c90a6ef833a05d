import type { ClientBase } from 'pg';
import type { DataSource, QueryRunner } from 'typeorm';
import { type Activity, alwaysActive } from '../config/leadership.port.js';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { DATABASE_REFUSED, type Database, DatabaseUnavailable } from './database.port.js';
import { type DatabaseTarget, isPermanent, toDatabaseError } from './database-error.js';

/**
 * Statements over a TypeORM data source; its errors carry every parameter, ours must not. `keepsStatements` says whether
 * names of statements are made use of.
 */
export class TypeOrmDatabase implements Database {
  constructor(
    private readonly dataSource: DataSource,
    private readonly target: DatabaseTarget,
    private readonly activity: Activity = alwaysActive,
    private readonly keepsStatements = false,
  ) {}

  query(sql: string, parameters: readonly unknown[] = [], name?: string): Promise<unknown[]> {
    return this.withRunner((runner) => this.run(runner, sql, parameters, name));
  }

  transaction<T>(work: (query: Database['query']) => Promise<T>): Promise<T> {
    return this.withRunner(async (runner) => {
      await runner.startTransaction();
      try {
        const result = await work((sql, parameters = [], name) => this.run(runner, sql, parameters, name));
        await runner.commitTransaction();
        return result;
      } catch (thrown) {
        // A connection that broke was rolled back by the server, and its runner is released already.
        if (!runner.isReleased) await runner.rollbackTransaction();
        throw thrown;
      }
    });
  }

  /** TypeORM knows nothing of names: a statement that has one goes to the driver. */
  private async run(
    runner: QueryRunner,
    sql: string,
    parameters: readonly unknown[],
    name: string | undefined,
  ): Promise<unknown[]> {
    if (name === undefined || !this.keepsStatements) {
      const result = await runner.query(sql, [...parameters], true);
      return result.records as unknown[];
    }
    const client = (await runner.connect()) as ClientBase;
    const { rows } = await client.query<Record<string, unknown>>({
      name,
      text: sql,
      values: [...parameters],
    });
    return rows;
  }

  private async withRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    if (!this.activity.isActive) {
      throw new DatabaseUnavailable('this server is not the active one: another has taken over');
    }
    const runner = this.dataSource.createQueryRunner();
    let isConnected = false;
    try {
      await runner.connect();
      isConnected = true;
      return await work(runner);
    } catch (thrown) {
      if (thrown instanceof AppError) throw thrown;
      if (!isPermanent(thrown)) throw toDatabaseError(thrown, this.target, isConnected);
      throw new AppError(DATABASE_REFUSED, `the database refuses the data: ${messageOf(thrown)}`);
    } finally {
      await runner.release();
    }
  }
}
