import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PostgresJobStore } from '../../../../src/server/jobs/stores/postgres-job-store.js';
import { PostgresBatchWriter } from '../../../../src/server/persistence/batch-writer.js';
import type { OpenDatabase } from '../../../../src/server/persistence/open-database.js';
import { createTestDatabase, type TestDatabase } from '../../../support/database.js';
import { newJob, randomId } from '../../../support/new-job.js';

/** In many zones this is another day, and in New York its clock time does not exist. */
const CREATED = Date.UTC(2026, 2, 8, 2, 30, 0, 123);
const ZONES = ['America/New_York', 'Asia/Kathmandu', 'Pacific/Kiritimati'];

describe.each(ZONES)('with this machine in %s', (machineZone) => {
  const zoneBefore = process.env.TZ;
  let database: TestDatabase;
  let open: OpenDatabase;

  beforeAll(async () => {
    process.env.TZ = machineZone;
    database = await createTestDatabase();
    await database.sql(
      `ALTER DATABASE ${database.config.database_name} SET timezone = 'Australia/Lord_Howe'`,
    );
    open = await database.open();
  });
  afterEach(() => expect(new Date(CREATED).getTimezoneOffset()).not.toBe(0));
  afterAll(async () => {
    await open.close();
    await database.drop();
    if (zoneBefore === undefined) delete process.env.TZ;
    else process.env.TZ = zoneBefore;
  });

  it('stores times in UTC and reads them back unchanged, in a database with another zone', async () => {
    const writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }));
    const store = new PostgresJobStore(open.database, writer);
    const job = newJob({ orgId: randomId(), createdAt: CREATED, votingDeadline: CREATED + 60_000 });
    await store.create(job);
    store.saveNodeStatus(job.orgId, job.id, 'web1', 'ready', CREATED + 1_000);
    store.saveJobStatus(job.orgId, job.id, 'running', CREATED + 2_000, { runDeadline: CREATED + 3_600_000 });
    await writer.drain(5_000);
    expect(
      await database.sql(`SELECT j.created_at::text, j.updated_at::text, n.updated_at::text AS node_updated_at
                          FROM jobs j JOIN job_nodes n ON n.job_id = j.id`),
    ).toEqual([
      {
        created_at: '2026-03-08 02:30:00.123',
        updated_at: '2026-03-08 02:30:02.123',
        node_updated_at: '2026-03-08 02:30:01.123',
      },
    ]);
    expect(await store.list(job.orgId)).toMatchObject([{ createdAt: CREATED, updatedAt: CREATED + 2_000 }]);
    expect(await store.loadLive()).toMatchObject([
      { createdAt: CREATED, votingDeadline: CREATED + 60_000, runDeadline: CREATED + 3_600_000 },
    ]);
  });
});
