import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigModule } from '../../../../src/server/config/config.module.js';
import type { ServerConfig } from '../../../../src/server/config/server-config.js';
import type { ServerSecrets } from '../../../../src/server/config/server-secrets.js';
import { BatchWriter } from '../../../../src/server/persistence/batch-writer.port.js';
import { openDatabase } from '../../../../src/server/persistence/open-database.js';
import { PersistenceModule } from '../../../../src/server/persistence/persistence.module.js';
import { createEmptyDatabase, type TestDatabase } from '../../../support/database.js';
import { freePort } from '../../../support/free-port.js';
import { testServerConfig, testServerSecrets } from '../../../support/server-settings.js';

const EVENT = { id: 'org-1', name: 'start', data: '{"timestamp":"t"}' };

/** A feature that pushes a write in its shutdown hook. */
@Module({})
class LateWriter implements OnApplicationShutdown {
  constructor(private readonly writer: BatchWriter) {}

  onApplicationShutdown(): void {
    this.writer.push({ kind: 'org_event', orgId: 'late', seq: 1, at: 0, event: EVENT });
  }
}

describe('the persistence module', () => {
  let secrets: ServerSecrets;
  let database: TestDatabase;
  beforeAll(async () => {
    secrets = await testServerSecrets();
    database = await createEmptyDatabase();
  });
  afterAll(() => database.drop());

  const boot = async (settings: ServerConfig['database'], password?: string): Promise<TestingModule> => {
    const config = await testServerConfig({ database: settings });
    const all = { ...secrets, ...(password === undefined ? {} : { sql_password: password }) };
    const imports = [
      ConfigModule.with(config, all, pino({ level: 'silent' })),
      PersistenceModule,
      LateWriter,
    ];
    const module = await Test.createTestingModule({ imports }).compile();
    return module.init();
  };

  it('migrates the database, and stores writes that features push during shutdown', async () => {
    const module = await boot(database.config, database.password);
    const dataSource = module.get(DataSource);
    await module.close();
    expect(dataSource.isInitialized).toBe(false);
    expect(await database.sql('SELECT org_id::text FROM org_events')).toEqual([{ org_id: 'late' }]);
    expect(
      await database.sql('SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()', [
        database.config.database_name,
      ]),
    ).toEqual([]);
  });

  it('names its connections and limits the time of statements', async () => {
    const module = await boot(database.config, database.password);
    const [row] = await module
      .get(DataSource)
      .query<unknown[]>(
        `SELECT current_setting('application_name') AS name, current_setting('statement_timeout') AS timeout`,
      );
    await module.close();
    expect(row).toEqual({ name: 'push-jobs-server', timeout: '30s' });
  });

  it('does the same with the embedded database, and unlocks its folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'push-jobs-test-'));
    try {
      const module = await boot({ embedded_folder: folder });
      await module.close();
      const again = await openDatabase({ database: { embedded_folder: folder }, poolSize: 1 });
      expect(await again.database.query('SELECT name FROM org_events')).toEqual([{ name: 'start' }]);
      await again.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('does not start if the database is unavailable, and reports its address and what to check', async () => {
    const port = await freePort();
    await expect(boot({ ...database.config, port }, database.password)).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringMatching(
        new RegExp(`${database.config.database_name} at 127.0.0.1:${port} as .*is PostgreSQL running there`),
      ) as string,
    });
  });

  it.each([
    ['a wrong password', {}, 'wrong-password', /sql_password/],
    ['a database that is missing', { database_name: 'push_jobs_nowhere' }, undefined, /reconfigure/],
  ])('reports what to do about %s, and never the password', async (_, over, password, advice) => {
    const settings = { ...database.config, ...over };
    const failure = await boot(settings, password ?? database.password).then(
      () => 'it started',
      (thrown: unknown) => (thrown as Error).message,
    );
    expect(failure).toMatch(advice);
    expect(failure).not.toContain(password ?? database.password);
  });
});
