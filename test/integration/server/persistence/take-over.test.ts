import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PostgresJobStore } from '../../../../src/server/jobs/stores/postgres-job-store.js';
import { PostgresBatchWriter } from '../../../../src/server/persistence/batch-writer.js';
import { connectionOf } from '../../../../src/server/persistence/connection-options.js';
import { migrate } from '../../../../src/server/persistence/migrate.js';
import type { OpenDatabase } from '../../../../src/server/persistence/open-database.js';
import { createEmptyDatabase, type TestDatabase } from '../../../support/database.js';

const OLD_DATABASE = readFileSync(
  join(import.meta.dirname, '../../../fixtures/old-server-database.sql'),
  'utf8',
);
const ORG = 'bbbbbbbbbbbbbbbbbbbbaaaaaaaaaaaa';
const idOf = (status: number) => `aaaaaaaaaaaa0000000000000000000${status}`;
const TABLES = ['jobs', 'job_nodes', 'job_options', 'job_output'];

describe('the database of an old server', () => {
  let database: TestDatabase;
  let open: OpenDatabase;
  let store: PostgresJobStore;
  let rowsBefore: Record<string, unknown[]>;

  const rows = async (): Promise<Record<string, unknown[]>> =>
    Object.fromEntries(
      await Promise.all(
        TABLES.map(async (table) => [table, await database.sql(`SELECT * FROM ${table} ORDER BY 1, 2, 3`)]),
      ),
    ) as Record<string, unknown[]>;

  beforeAll(async () => {
    database = await createEmptyDatabase();
    await database.sql(OLD_DATABASE);
    rowsBefore = await rows();
    open = await database.open();
    const writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }));
    store = new PostgresJobStore(open.database, writer);
  });
  afterAll(async () => {
    await open.close();
    await database.drop();
  });

  it('keeps all rows and values except those of live jobs', async () => {
    const now = await rows();
    const liveJobs = [idOf(0), idOf(1), idOf(5)];
    for (const table of TABLES) {
      const ended = (row: unknown) => !liveJobs.includes(Object.values(row as object).find(isId) as string);
      expect(now[table]).toHaveLength(rowsBefore[table]?.length ?? 0);
      expect(now[table]?.filter(ended)).toMatchObject(rowsBefore[table]?.filter(ended) ?? []);
    }
  });

  it.each([
    ['voting', 0],
    ['running', 1],
    ['new', 5],
  ])('marks a job that was %s, and its job nodes that had not ended, as crashed', async (_, status) => {
    const job = await store.find(ORG, idOf(status));
    expect(job?.status).toBe('crashed');
    expect(Object.fromEntries(job?.nodes.map((node) => [node.name, node.status]) ?? [])).toEqual({
      'node-0': 'crashed',
      'node-1': 'crashed',
      'node-2': 'crashed',
      'node-3': 'succeeded',
      'node-4': 'failed',
      'node-5': 'aborted',
      'node-6': 'unavailable',
      'node-7': 'nacked',
      'node-8': 'faulty',
      'node-9': 'was_ready',
      'node-10': 'crashed',
      'node-11': 'timed_out',
    });
  });

  it('has no live jobs', async () => {
    expect(await store.loadLive()).toEqual([]);
  });

  it('returns an old job with its options and times, without the padding of char(32)', async () => {
    expect(await store.find(ORG, idOf(2), { includeFile: true })).toMatchObject({
      id: idOf(2),
      status: 'complete',
      user: 'deploy',
      dir: '/srv/app',
      env: { RAILS_ENV: 'production' },
      capture: true,
      file: 'base64:aGk=',
      createdAt: Date.UTC(2016, 2, 1, 14, 0, 0, 123),
      updatedAt: Date.UTC(2016, 2, 1, 14, 30, 0, 654),
    });
    const plain = await store.find(ORG, idOf(3));
    expect(plain).toMatchObject({ capture: false, fileSpecified: false });
    expect(plain).not.toHaveProperty('user');
    expect(await store.list(ORG)).toHaveLength(8);
  });

  it('returns captured output', async () => {
    expect(await store.output(ORG, idOf(2), 'node-3', 'stdout')).toEqual(Buffer.from('grüße\n'));
    expect(await store.output(ORG, idOf(2), 'node-3', 'stderr')).toEqual(Buffer.alloc(0));
  });

  it('is not changed by a second migration', async () => {
    const before = await rows();
    expect(await migrate(connectionOf(database.config, database.password))).toEqual([]);
    expect(await rows()).toEqual(before);
  });
});

const isId = (value: unknown): boolean => typeof value === 'string' && /^a{12}0/.test(value);

describe('a database that is not ours', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createEmptyDatabase();
  });
  afterEach(() => database.drop());

  it('is rejected with the missing columns, and not changed', async () => {
    await database.sql('CREATE TABLE jobs (id int, org_id text)');
    await expect(migrate(connectionOf(database.config, database.password))).rejects.toMatchObject({
      code: 'database_not_ours',
      message: expect.stringMatching(/table jobs has no column command, status, .*quorum/) as string,
    });
    expect(
      await database.sql(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`),
    ).toEqual([{ table_name: 'jobs' }]);
  });

  it('gets the tables that an older schema lacks', async () => {
    await database.sql(OLD_DATABASE);
    await database.sql('DROP TABLE job_output, job_options');
    await migrate(connectionOf(database.config, database.password));
    expect(await database.sql('SELECT count(*)::int AS count FROM job_output')).toEqual([{ count: 0 }]);
    expect(await database.sql('SELECT count(*)::int AS count FROM jobs')).toEqual([{ count: 8 }]);
  });
});
