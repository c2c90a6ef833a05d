import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Connection, connectionOf } from '../../../../src/server/persistence/connection-options.js';
import { migrate, pendingMigrations, revertNewest } from '../../../../src/server/persistence/migrate.js';
import { MIGRATIONS } from '../../../../src/server/persistence/migration-list.js';
import { createEmptyDatabase, type TestDatabase } from '../../../support/database.js';
import { describeSchema } from '../../../support/describe-schema.js';

const FIXTURES = join(import.meta.dirname, '../../../fixtures');
/** Update this with `npx vitest run -u` after an intended change of the tables. */
const SCHEMA = join(FIXTURES, 'database-schema.txt');
const OLD_DATABASE = readFileSync(join(FIXTURES, 'old-server-database.sql'), 'utf8');

const ALL = MIGRATIONS.map((migration) => migration.name);

describe('the migrations', () => {
  let database: TestDatabase;
  let connection: Connection;
  beforeEach(async () => {
    database = await createEmptyDatabase();
    connection = connectionOf(database.config, database.password);
  });
  afterEach(() => database.drop());

  it('create the tables, columns, keys and indexes of test/fixtures/database-schema.txt', async () => {
    await migrate(connection);
    await expect(await describeSchema(database)).toMatchFileSnapshot(SCHEMA);
  });

  it("convert an old server's database to the same schema", async () => {
    await database.sql(OLD_DATABASE);
    await migrate(connection);
    await expect(await describeSchema(database)).toMatchFileSnapshot(SCHEMA);
  });

  it('run once each when several servers start at the same time', async () => {
    const ran = await Promise.all([1, 2, 3, 4].map(() => migrate(connection)));
    expect(ran.flat()).toEqual(ALL);
    expect(await migrate(connection)).toEqual([]);
    await expect(await describeSchema(database)).toMatchFileSnapshot(SCHEMA);
  });

  it('are listed before they run', async () => {
    expect(await pendingMigrations(connection)).toEqual(ALL);
    expect(
      await database.sql(`SELECT 1 FROM information_schema.tables WHERE table_schema = 'public'`),
    ).toEqual([]);
    await migrate(connection);
    expect(await pendingMigrations(connection)).toEqual([]);
  });

  it('can be reverted one by one to the empty database, and run again', async () => {
    await migrate(connection);
    for (let left = ALL.length; left > 0; left--) {
      await revertNewest(connection);
      expect(await pendingMigrations(connection)).toHaveLength(ALL.length - left + 1);
    }
    expect(await describeSchema(database)).toBe('');
    expect(await migrate(connection)).toEqual(ALL);
  });

  it("keep an old server's tables when they are reverted", async () => {
    await database.sql(OLD_DATABASE);
    const before = await describeSchema(database);
    await migrate(connection);
    for (let left = ALL.length; left > 0; left--) await revertNewest(connection);
    expect(await describeSchema(database)).toBe(before);
    expect(await database.sql('SELECT count(*)::int AS count FROM jobs')).toEqual([{ count: 8 }]);
  });
});
