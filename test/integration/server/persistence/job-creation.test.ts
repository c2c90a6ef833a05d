import pg from 'pg';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PostgresJobStore } from '../../../../src/server/jobs/stores/postgres-job-store.js';
import { PostgresBatchWriter } from '../../../../src/server/persistence/batch-writer.js';
import type { OpenDatabase } from '../../../../src/server/persistence/open-database.js';
import { createTestDatabase, type TestDatabase } from '../../../support/database.js';
import { eventually } from '../../../support/eventually.js';
import { newJob, randomId } from '../../../support/new-job.js';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.js';

const ORG = randomId();

/** With these a lost reply is noticed after a second. */
const SHORT_TIMEOUTS = { connect: 1_000, statement: 0, reply: 1_000 };

const WAITS = "wait_event_type = 'Lock'";

describe('a job whose creation got no reply', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let open: OpenDatabase;
  let writer: PostgresBatchWriter;
  let store: PostgresJobStore;

  /** Counts the other database connections that match a condition. */
  const connections = async (condition: string): Promise<number> => {
    const others = 'FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
    const [row] = await database.sql(`SELECT count(*)::int AS count ${others} AND ${condition}`);
    return row?.count as number;
  };

  beforeEach(async () => {
    database = await createTestDatabase();
    proxy = await startTcpProxy(database.config.host, database.config.port);
    const config = { ...database.config, port: proxy.port };
    open = await database.open({ database: config, poolSize: 1, timeouts: SHORT_TIMEOUTS });
    writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }));
    store = new PostgresJobStore(open.database, writer);
    await store.create(newJob({ orgId: ORG }));
  });
  afterEach(async () => {
    await writer.drain(0);
    await open.close();
    await proxy.close();
    await database.drop();
  });

  it.each([
    ['waits before it has stored anything', 'LOCK TABLE job_nodes IN SHARE MODE'],
    [
      'has stored the job itself',
      `INSERT INTO job_requests (org_id, request, body_hash, job_id, created_at)
       SELECT org_id, decode('aa', 'hex'), decode('bb', 'hex'), id, now() FROM jobs`,
    ],
  ])(
    'has crashed, and its request may be repeated, if the statement is still in progress: it %s',
    async (_, hold) => {
      const other = new pg.Client({ connectionString: database.url });
      await other.connect();
      await other.query(`BEGIN; ${hold}`);
      const idempotency = { keyHash: Buffer.from('aa', 'hex'), bodyHash: Buffer.from('cc', 'hex') };
      const job = newJob({ orgId: ORG, idempotency });
      const creating = expect(store.create(job)).rejects.toMatchObject({ code: 'database_unavailable' });
      await eventually(async () => (await connections(WAITS)) >= 1);
      proxy.cut();
      await creating;
      proxy.heal();
      await eventually(async () => writer.state.mode === 'idle' || (await connections(WAITS)) >= 2);
      await other.query('ROLLBACK');
      await other.end();
      await store.flushed();
      await eventually(async () => (await connections("state = 'active'")) === 0);
      expect((await store.find(ORG, job.id))?.status).toBe('crashed');
      expect((await store.loadLive()).map(({ id }) => id)).not.toContain(job.id);
      expect(await store.releaseKeyOrGetStart(ORG, idempotency.keyHash)).toBeUndefined();
      const again = newJob({ orgId: ORG, idempotency });
      await store.create(again);
      expect(await store.releaseKeyOrGetStart(ORG, idempotency.keyHash)).toMatchObject({ jobId: again.id });
    },
  );

  it('leaves no trace if the statement never reached the database', async () => {
    proxy.cut();
    const job = newJob({ orgId: ORG });
    await expect(store.releaseKeyOrGetStart(ORG, Buffer.alloc(0))).rejects.toThrow(); // the pool notices that the connection is broken
    await expect(store.create(job)).rejects.toMatchObject({ code: 'database_unavailable' });
    proxy.heal();
    await store.flushed();
    expect(await store.find(ORG, job.id)).toBeUndefined();
  });

  it('has crashed if it was stored and only the reply was lost', async () => {
    const job = newJob({ orgId: ORG });
    proxy.dropServerBytes();
    await expect(store.create(job)).rejects.toMatchObject({ code: 'database_unavailable' });
    proxy.heal();
    await store.flushed();
    expect((await store.find(ORG, job.id))?.status).toBe('crashed');
  });
});
