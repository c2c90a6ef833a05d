import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresJobStore } from '../../../../src/server/jobs/stores/postgres-job-store.js';
import { DEFAULT_LIMITS, PostgresBatchWriter } from '../../../../src/server/persistence/batch-writer.js';
import { createTestDatabase, type TestDatabase } from '../../../support/database.js';
import { eventually } from '../../../support/eventually.js';
import { newJob, randomId } from '../../../support/new-job.js';

const JOBS = 20_000;

/** Fills the tables with jobs of two thousand other organizations, with two nodes each. */
const CROWD = `
  INSERT INTO jobs (id, org_id, command, status, run_timeout, created_at, updated_at, quorum)
  SELECT md5(n::text), md5((n % 2000)::text), 'chef-client', 2, 3600, now() - n * interval '1 s', now(), 1
  FROM generate_series(1, ${JOBS}) AS n;
  INSERT INTO job_nodes SELECT id, org_id, 'web' || n, 3, created_at, updated_at FROM jobs, generate_series(1, 2) AS n;
  INSERT INTO job_options (job_id, capture) SELECT id, true FROM jobs;
  INSERT INTO job_output SELECT job_id, node_name, 'out', 'err' FROM job_nodes;
  ANALYZE;`;

/** PostgreSQL updates the statistics when a connection ends, and clients do not wait for that. */
const statisticsAreUpdated = async (database: TestDatabase): Promise<void> => {
  await eventually(async () => {
    const [row] = await database.sql(
      `SELECT count(*)::int AS others FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
    return row?.others === 0;
  });
};

/** Returns how often each table was scanned completely. */
const fullScans = async (database: TestDatabase): Promise<Record<string, unknown>> => {
  await statisticsAreUpdated(database);
  const rows = await database.sql(
    `SELECT relname, seq_scan::int FROM pg_stat_user_tables WHERE relname IN ('jobs', 'job_nodes', 'job_options', 'job_output')`,
  );
  return Object.fromEntries(rows.map(({ relname, seq_scan }) => [String(relname), seq_scan]));
};

/** Returns how many blocks of job_nodes and its indexes were read. */
const blocksRead = async (database: TestDatabase): Promise<number> => {
  await statisticsAreUpdated(database);
  const [row] = await database.sql(
    `SELECT (heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::int AS count
     FROM pg_statio_user_tables WHERE relname = 'job_nodes'`,
  );
  return row?.count as number;
};

/** Runs `work` on a connection of its own. */
const withStore = async (
  database: TestDatabase,
  work: (store: PostgresJobStore, writer: PostgresBatchWriter) => Promise<void>,
): Promise<void> => {
  const open = await database.open({ poolSize: 1 });
  const limits = { ...DEFAULT_LIMITS, maxLingerMs: {} };
  const writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }), limits);
  await work(new PostgresJobStore(open.database, writer), writer);
  await writer.drain(1_000);
  await open.close();
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

  it('no read or change of a job scans a whole table', async () => {
    const [before, indexBefore] = [await fullScans(database), await indexReads()];
    const open = await database.open();
    const writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }));
    const store = new PostgresJobStore(open.database, writer);
    const nodes = Array.from({ length: 200 }, (_, n) => `node-${n}`);
    const job = newJob({ orgId: randomId(), nodes });
    await store.create(job);
    store.saveJobStatus(job.orgId, job.id, 'running', job.createdAt);
    for (const node of nodes) {
      store.saveNodeStatus(job.orgId, job.id, node, 'running', job.createdAt);
      store.saveOutput(job.orgId, job.id, node, Buffer.from('out'), Buffer.from('err'));
    }
    await store.flushed();
    expect(await store.list(job.orgId)).toHaveLength(1);
    expect((await store.find(job.orgId, job.id))?.nodes).toHaveLength(200);
    expect(await store.output(job.orgId, job.id, 'node-7', 'stdout')).toEqual(Buffer.from('out'));
    expect(await store.loadLive()).toHaveLength(1);
    await writer.drain(1_000);
    await open.close();
    expect(await fullScans(database)).toEqual(before);
    expect(await indexReads()).toBeGreaterThan(indexBefore);
  });

  it.each([1, 20])('finds %i nodes of a job on very many nodes without reading the others', async (count) => {
    const nodes = Array.from({ length: 5_000 }, (_, n) => `web${n}`);
    const job = newJob({ orgId: randomId(), nodes });
    const changed = nodes.slice(0, count);
    await withStore(database, (store) => store.create(job));
    const before = await blocksRead(database);
    await withStore(database, async (store) => {
      for (const node of changed) store.saveNodeStatus(job.orgId, job.id, node, 'ready', job.createdAt);
      await store.flushed();
    });
    // Each needs some blocks of the indexes; all nodes of the job fill a hundred blocks of one index.
    expect((await blocksRead(database)) - before).toBeLessThan(30 * count);
  });

  it('finds nodes of jobs of several organizations in one batch without reading the others', async () => {
    const nodes = Array.from({ length: 5_000 }, (_, n) => `web${n}`);
    const jobs = [1, 2, 3].map(() => newJob({ orgId: randomId(), nodes }));
    for (const job of jobs) await withStore(database, (store) => store.create(job));
    const before = await blocksRead(database);
    await withStore(database, async (store) => {
      for (const { orgId, id, createdAt } of jobs) {
        for (const node of nodes.slice(0, 5)) store.saveNodeStatus(orgId, id, node, 'ready', createdAt);
        store.saveOutput(orgId, id, 'web0', Buffer.from('out'), Buffer.from('err'));
        store.saveJobStatus(orgId, id, 'running', createdAt);
      }
      await store.flushed();
    });
    expect((await blocksRead(database)) - before).toBeLessThan(30 * 5 * jobs.length);
    const [changed] = await database.sql('SELECT count(*)::int AS count FROM job_nodes WHERE status = 1');
    expect(changed?.count).toBeGreaterThanOrEqual(5 * jobs.length);
  });
});

describe('in a database that was empty when the server started', () => {
  const ORG = randomId();
  let database: TestDatabase;
  let lastSeq = 0;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  /** Stores a job from start to end; all its nodes report at the same time. */
  const runJob = async (
    store: PostgresJobStore,
    writer: PostgresBatchWriter,
    nodes: readonly string[],
  ): Promise<void> => {
    const job = newJob({ orgId: ORG, nodes });
    const { id, createdAt: at } = job;
    const event = { id: 'job-1', name: 'start', data: '{}' };
    await store.create(job);
    store.saveEvents(ORG, id, 1, [event]);
    for (const node of nodes) store.saveNodeStatus(ORG, id, node, 'running', at);
    store.saveJobStatus(ORG, id, 'running', at);
    await store.flushed();
    for (const node of nodes) {
      store.saveNodeStatus(ORG, id, node, 'succeeded', at);
      store.saveOutput(ORG, id, node, Buffer.from('out'), Buffer.from('err'));
    }
    store.saveJobStatus(ORG, id, 'complete', at);
    writer.push({ kind: 'org_event', orgId: ORG, seq: ++lastSeq, at, event });
    writer.push({ kind: 'node_seen', orgId: ORG, node: 'web1', incarnation: 'one', at });
    await store.flushed();
    store.deleteEvents(ORG, id);
    await store.flushed();
  };

  /** Returns how many rows of tables and indexes were read so far. */
  const rowsRead = async (): Promise<number> => {
    await statisticsAreUpdated(database);
    const [row] = await database.sql(
      `SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::int
            + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::int AS count`,
    );
    return row?.count as number;
  };

  /** Runs jobs one by one and returns how many rows they read. */
  const runJobs = async (count: number, nodes: readonly string[]): Promise<number> => {
    const before = await rowsRead();
    await withStore(database, async (store, writer) => {
      for (let run = 0; run < count; run++) await runJob(store, writer, nodes);
    });
    return (await rowsRead()) - before;
  };

  it('reads no more rows for later jobs on one node, although plans were made for small tables', async () => {
    const first = await runJobs(40, ['web1']);
    expect(await runJobs(40, ['web1'])).toBeLessThan(1.2 * first);
  });

  it('finds nodes of one batch by index, except for the first plans on a connection', async () => {
    const nodes = ['web1', 'web2', 'web3'];
    await runJobs(40, nodes);
    expect(await runJobs(40, nodes)).toBeLessThan(50 * 40 * nodes.length);
  });

  it('finds a job node by its job, not among all job nodes of its organization', async () => {
    await runJobs(10, ['web1']);
    const used = await database.sql(
      `SELECT indexrelname FROM pg_stat_user_indexes WHERE relname = 'job_nodes' AND idx_scan > 0`,
    );
    expect(used).toEqual([{ indexrelname: 'job_nodes_job_id_org_id_node_name_key' }]);
  });
});
