import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobFilter } from '../../../../src/server/jobs/job-store.port.js';
import { PostgresJobStore } from '../../../../src/server/jobs/stores/postgres-job-store.js';
import { PostgresBatchWriter } from '../../../../src/server/persistence/batch-writer.js';
import type { OpenDatabase } from '../../../../src/server/persistence/open-database.js';
import { createTestDatabase, type TestDatabase } from '../../../support/database.js';

/** Number of jobs of one organization; `PUSH_JOBS_MANY_JOBS=1000000` tests more. */
const JOBS = Number(process.env.PUSH_JOBS_MANY_JOBS ?? 100_000);
const ORG = 'a'.repeat(32);

/** One job per second; one in a thousand has a rare command, user, node and status. */
const CROWD = `
  INSERT INTO jobs (id, org_id, command, status, run_timeout, created_by, created_at, updated_at, quorum)
  SELECT md5(n::text), '${ORG}', CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'chef-client' END,
         CASE WHEN n % 1000 = 0 THEN 4 ELSE 2 END, 3600, CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'alice' END,
         timestamp '2026-01-01' + n * interval '1 s', now(), 1
  FROM generate_series(1, ${JOBS}) AS n;
  INSERT INTO job_nodes (job_id, org_id, node_name, status, created_at, updated_at)
  SELECT id, org_id, CASE WHEN command = 'rare' THEN 'rare' ELSE 'web1' END, 3, created_at, updated_at FROM jobs;
  INSERT INTO job_options (job_id, capture) SELECT id, true FROM jobs;
  ANALYZE;`;

/** Maximum blocks of 8 kB that a page may read, for any number of jobs. */
const MAX_BLOCKS = 5_000;

const RARE: readonly JobFilter[] = [
  { status: 'aborted' },
  { command: 'rare' },
  { user: 'rare' },
  { node: 'rare' },
];
const COMMON: readonly JobFilter[] = [
  {},
  { status: 'complete' },
  { command: 'chef-client' },
  { user: 'alice' },
  { node: 'web1' },
  { since: Date.UTC(2026, 0, 1) + (JOBS * 1000) / 2 },
  { until: Date.UTC(2026, 0, 1) + (JOBS * 1000) / 2 },
  { status: 'complete', user: 'alice' },
];

describe(`in an organization with ${JOBS} jobs`, () => {
  let database: TestDatabase;
  let open: OpenDatabase;
  let writer: PostgresBatchWriter;
  let store: PostgresJobStore;

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.sql(CROWD);
    open = await database.open({ poolSize: 1 });
    writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }));
    store = new PostgresJobStore(open.database, writer);
  }, 600_000);
  afterAll(async () => {
    await writer.drain(1_000);
    await open.close();
    await database.drop();
  });

  /** Blocks that this database has read so far, from its memory or its disk. */
  const blocks = async (): Promise<number> => {
    // A connection reports its statistics late, unless it is told to.
    await open.database.query('SELECT pg_stat_force_next_flush()');
    const [row] = await database.sql(
      `SELECT (sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read))::int AS blocks
       FROM pg_statio_user_tables`,
    );
    return row?.blocks as number;
  };

  const PAGES = [...RARE, ...COMMON].flatMap((filter) =>
    [false, true].map((newestFirst) => ({ ...filter, newestFirst, limit: 50 })),
  );

  it.each(PAGES)('reads a limited number of blocks for pages of %j', async (filter) => {
    const before = await blocks();
    const first = await store.page(ORG, filter);
    expect(first.jobs).toHaveLength(50);
    const second = await store.page(ORG, { ...filter, after: first.next! });
    expect(second.jobs).toHaveLength(50);
    const far = { createdAtMicros: String((Date.UTC(2026, 0, 1) + JOBS * 600) * 1000), id: 'f'.repeat(32) };
    await store.page(ORG, { ...filter, after: far });
    expect((await blocks()) - before).toBeLessThan(MAX_BLOCKS);
  });
});
