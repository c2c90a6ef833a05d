import type { ClientBase } from 'pg';
import type { DataSource, QueryRunner } from 'typeorm';
import { type Leadership, alwaysLeader } from '../config/leadership.port.js';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { DATABASE_REFUSED, type Database, DatabaseUnavailable, type OrgOwnership } from './database.port.js';
import { type DatabaseTarget, isBug, isPermanent, toDatabaseError } from './database-error.js';
import { PostgresOrgOwnership } from './org-ownership.js';

/**
 * Runs statements on a TypeORM data source. TypeORM's errors contain all parameters; the errors thrown here never do.
 * Without `supportsNamedStatements` the names of statements are ignored.
 */
export class TypeOrmDatabase implements Database {
  readonly ownership: OrgOwnership;

  constructor(
    private readonly dataSource: DataSource,
    private readonly target: DatabaseTarget,
    private readonly leadership: Leadership = alwaysLeader,
    private readonly supportsNamedStatements = false,
  ) {
    this.ownership = new PostgresOrgOwnership(this, leadership);
  }

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
        // If the connection broke, PostgreSQL has rolled back and the runner is already released.
        if (!runner.isReleased) await runner.rollbackTransaction();
        throw thrown;
      }
    });
  }

  /** TypeORM does not support named statements, so these go directly to the driver. */
  private async run(
    runner: QueryRunner,
    sql: string,
    parameters: readonly unknown[],
    name: string | undefined,
  ): Promise<unknown[]> {
    if (name === undefined || !this.supportsNamedStatements) {
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
    if (!this.leadership.isLeader) {
      throw new DatabaseUnavailable('this server is not the active one: another has taken over');
    }
    const runner = this.dataSource.createQueryRunner();
    let isConnected = false;
    try {
      await runner.connect();
      isConnected = true;
      return await work(runner);
    } catch (thrown) {
      if (thrown instanceof AppError || isBug(thrown)) throw thrown;
      if (!isPermanent(thrown)) throw toDatabaseError(thrown, this.target, isConnected);
      throw new AppError(DATABASE_REFUSED, `the database rejects the data: ${messageOf(thrown)}`);
    } finally {
      await runner.release();
    }
  }
}
