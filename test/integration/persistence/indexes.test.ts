import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresJobStore } from '../../../src/jobs/stores/postgres-job-store.js';
import { DEFAULT_LIMITS, PostgresBatchWriter } from '../../../src/persistence/batch-writer.js';
import type { OpenDatabase } from '../../../src/persistence/open-database.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { newJob, randomId } from '../../support/new-job.js';

const JOBS = 20_000;

/** Fills the tables with the jobs of two thousand other organizations, two nodes each. */
const CROWD = `
  INSERT INTO jobs (id, org_id, command, status, run_timeout, created_at, updated_at, quorum)
  SELECT md5(n::text), md5((n % 2000)::text), 'chef-client', 2, 3600, now() - n * interval '1 s', now(), 1
  FROM generate_series(1, ${JOBS}) AS n;
  INSERT INTO job_nodes SELECT id, org_id, 'web' || n, 3, created_at, updated_at FROM jobs, generate_series(1, 2) AS n;
  INSERT INTO job_options (job_id, capture) SELECT id, true FROM jobs;
  INSERT INTO job_output SELECT job_id, node_name, 'out', 'err' FROM job_nodes;
  ANALYZE;`;

/** PostgreSQL adds up what a session did before the session is gone; a client does not wait for that. */
const countsAreIn = async (database: TestDatabase): Promise<void> => {
  await eventually(async () => {
    const [row] = await database.sql(
      `SELECT count(*)::int AS others FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
    return row?.others === 0;
  });
};

/** The tables that grow with every job. */
const LARGE = ['jobs', 'job_nodes', 'job_options', 'job_output'];

/** How often each table was read from end to end. */
const fullReads = async (
  database: TestDatabase,
  tables: readonly string[] = LARGE,
): Promise<Record<string, unknown>> => {
  await countsAreIn(database);
  const rows = await database.sql(
    'SELECT relname, seq_scan::int FROM pg_stat_user_tables WHERE relname = ANY ($1)',
    [tables],
  );
  return Object.fromEntries(rows.map(({ relname, seq_scan }) => [String(relname), seq_scan]));
};

describe('with many jobs of other organizations', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.sql(CROWD);
  });
  afterAll(() => database.drop());

  const indexReads = async (): Promise<number> => {
    const [row] = await database.sql(
      `SELECT sum(idx_scan)::int AS idx_scan FROM pg_stat_user_indexes WHERE indexrelname ~ '^jobs_(of_org|by_)'`,
    );
    return row?.idx_scan as number;
  };

  it('no read or change of a job reads a whole table', async () => {
    const [before, indexBefore] = [await fullReads(database), await indexReads()];
    const open = await database.open();
    const writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }));
    const store = new PostgresJobStore(open.database, writer);
    const nodes = Array.from({ length: 200 }, (_, n) => `node-${n}`);
    const job = newJob({ orgId: randomId(), nodes });
    await store.create(job);
    store.jobStatus(job.id, 'running', job.createdAt);
    for (const node of nodes) {
      store.nodeStatus(job.orgId, job.id, node, 'running', job.createdAt);
      store.saveOutput(job.id, node, Buffer.from('out'), Buffer.from('err'));
    }
    await store.flushed();
    expect(await store.list(job.orgId)).toHaveLength(1);
    expect((await store.find(job.orgId, job.id))?.nodes).toHaveLength(200);
    expect(await store.output(job.orgId, job.id, 'node-7', 'stdout')).toEqual(Buffer.from('out'));
    expect(await store.loadLive()).toHaveLength(1);
    await writer.drain(1_000);
    await open.close();
    expect(await fullReads(database)).toEqual(before);
    expect(await indexReads()).toBeGreaterThan(indexBefore);
  });
});

describe('in a database that was empty when the server came', () => {
  const ALL = [...LARGE, 'job_events', 'org_events', 'nodes'];
  let database: TestDatabase;
  let open: OpenDatabase;
  let writer: PostgresBatchWriter;
  let store: PostgresJobStore;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const start = async (): Promise<void> => {
    open = await database.open({ poolSize: 1 });
    writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }), {
      ...DEFAULT_LIMITS,
      patienceMs: {},
    });
    store = new PostgresJobStore(open.database, writer);
  };

  const end = async (): Promise<void> => {
    await writer.drain(1_000);
    await open.close();
  };

  /** A job from its begin to its end, as it is stored when each of its nodes answers by itself. */
  const runJob = async (nodes: readonly string[]): Promise<void> => {
    const job = newJob({ orgId: randomId(), nodes });
    const events = (firstSeq: number) => [{ id: `job-${firstSeq}`, name: 'start', data: '{}' }];
    await store.create(job);
    store.events(job.id, 1, events(1));
    for (const node of nodes) store.nodeStatus(job.orgId, job.id, node, 'running', job.createdAt);
    store.jobStatus(job.id, 'running', job.createdAt);
    await store.flushed();
    for (const node of nodes) {
      store.nodeStatus(job.orgId, job.id, node, 'succeeded', job.createdAt);
      store.saveOutput(job.id, node, Buffer.from('out'), Buffer.from('err'));
    }
    store.jobStatus(job.id, 'complete', job.createdAt);
    writer.push({
      kind: 'org_event',
      orgId: job.orgId,
      seq: 1,
      at: 1,
      event: { id: 'org-1', name: 'start', data: '{}' },
    });
    writer.push({ kind: 'node_seen', orgId: job.orgId, node: 'web1', incarnation: 'one' });
    await store.flushed();
    store.forgetEvents(job.id);
    await store.flushed();
  };

  it('a job on one node never reads a whole table, however PostgreSQL plans while there are few rows', async () => {
    await start();
    await runJob(['web1']);
    await end();
    const before = await fullReads(database, ALL);
    await start();
    for (let run = 0; run < 30; run++) await runJob(['web1']);
    await end();
    expect(await fullReads(database, ALL)).toEqual(before);
  });
});
