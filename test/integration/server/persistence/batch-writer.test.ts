import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PostgresJobStore } from '../../../../src/server/jobs/stores/postgres-job-store.js';
import {
  DEFAULT_LIMITS,
  PostgresBatchWriter,
  type WriterLimits,
} from '../../../../src/server/persistence/batch-writer.js';
import type { OpenDatabase, OpenOptions } from '../../../../src/server/persistence/open-database.js';
import { NODE_STATUS_CODES, type NodeStatus } from '../../../../src/shared/protocol/job-status.js';
import { createTestDatabase, type TestDatabase } from '../../../support/database.js';
import { eventually } from '../../../support/eventually.js';
import { newJob, randomId } from '../../../support/new-job.js';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.js';

const AT = Date.UTC(2026, 10, 22, 8);
const ORG = randomId();

const A_MINUTE = 60_000;

/** With these a lost reply is noticed after a second. */
const SHORT_TIMEOUTS = { connect: 1_000, statement: 0, reply: 1_000 };

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [key: string]: unknown;
}

/** A logger that records its lines. */
const recordingLogger = (): { logger: Logger; lines: LogLine[] } => {
  const lines: LogLine[] = [];
  return { logger: pino({}, { write: (line: string) => lines.push(JSON.parse(line) as LogLine) }), lines };
};

describe('the batch writer', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let open: OpenDatabase;
  let writer: PostgresBatchWriter;
  let store: PostgresJobStore;
  let lines: LogLine[];

  /** Starts the writer behind a proxy that can interrupt the network. */
  const start = async (
    limits: Partial<WriterLimits> = {},
    over: Partial<OpenOptions> = {},
  ): Promise<void> => {
    open = await database.open({ database: { ...database.config, port: proxy.port }, ...over });
    const recording = recordingLogger();
    lines = recording.lines;
    writer = new PostgresBatchWriter(open.database, recording.logger, { ...DEFAULT_LIMITS, ...limits });
    store = new PostgresJobStore(open.database, writer);
  };

  const storedJob = async (nodes: string[]): Promise<string> => {
    const job = newJob({ orgId: ORG, nodes });
    await store.create(job);
    return job.id;
  };

  const statuses = async (jobId: string): Promise<NodeStatus[]> =>
    (await store.find(ORG, jobId))?.nodes.map(({ status }) => status) ?? [];

  /** Counts the transactions that changed rows of a table, by their `xmin`. */
  const transactionsIn = async (table: string): Promise<number> => {
    const [row] = await database.sql(`SELECT count(DISTINCT xmin::text)::int AS count FROM ${table}`);
    return row?.count as number;
  };

  beforeEach(async () => {
    database = await createTestDatabase();
    proxy = await startTcpProxy(database.config.host, database.config.port);
  });
  afterEach(async () => {
    await writer.drain(0);
    await open.close();
    await proxy.close();
    await database.drop();
  });

  it('stores writes of one turn of the event loop in one transaction', async () => {
    await start();
    const jobId = await storedJob(Array.from({ length: 500 }, (_, n) => `n${n}`));
    for (let n = 0; n < 500; n++) store.saveNodeStatus(ORG, jobId, `n${n}`, 'ready', AT);
    store.saveJobStatus(ORG, jobId, 'running', AT);
    await store.flushed();
    expect(new Set(await statuses(jobId))).toEqual(new Set(['ready']));
    expect(await transactionsIn('job_nodes')).toBe(1);
    const [together] = await database.sql(
      'SELECT count(*)::int AS count FROM jobs j JOIN job_nodes n ON n.xmin = j.xmin WHERE n.job_id = j.id',
    );
    expect(together?.count).toBe(500);
  });

  it('stores writes of all kinds in one transaction', async () => {
    await start();
    const jobId = await storedJob(['a']);
    const lost = newJob({ orgId: ORG });
    const event = { id: 'job-1', name: 'start', data: '{}' };
    store.saveEvents(ORG, jobId, 1, [event]);
    store.saveNodeStatus(ORG, jobId, 'a', 'succeeded', AT, { exitCode: 0 });
    store.saveOutput(ORG, jobId, 'a', Buffer.from('done'), Buffer.from([0, 0xff]));
    writer.push({ ...lost, kind: 'unconfirmed_job', jobId: lost.id });
    store.saveJobStatus(ORG, jobId, 'complete', AT);
    writer.push({ kind: 'org_event', orgId: ORG, seq: 1, at: AT, event: { ...event, id: 'org-1' } });
    writer.push({ kind: 'node_seen', orgId: ORG, node: 'a', incarnation: 'one', at: 0 });
    writer.push({ kind: 'delete_events', orgId: ORG, jobId: await storedJob(['b']) });
    await store.flushed();
    const [row] = await database.sql(
      `SELECT count(DISTINCT xmin::text)::int AS transactions, count(*)::int AS rows FROM (
         SELECT xmin FROM jobs WHERE id IN ('${jobId}', '${lost.id}') UNION ALL SELECT xmin FROM job_nodes WHERE job_id = '${jobId}'
         UNION ALL SELECT xmin FROM job_output UNION ALL SELECT xmin FROM job_events
         UNION ALL SELECT xmin FROM org_events UNION ALL SELECT xmin FROM nodes) AS stored`,
    );
    expect(row).toEqual({ transactions: 1, rows: 7 });
    expect(await store.output(ORG, jobId, 'a', 'stderr')).toEqual(Buffer.from([0, 0xff]));
  });

  it('stores a write that may linger together with the next write', async () => {
    await start({ maxLingerMs: { job_events: A_MINUTE } });
    const jobId = await storedJob(['a']);
    store.saveEvents(ORG, jobId, 1, [{ id: 'job-1', name: 'start', data: '{}' }]);
    const eventIsStored = store.flushed();
    await nextTurn();
    expect(writer.state).toMatchObject({ mode: 'gathering', writes: 1 });
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    await eventIsStored;
    const rows = await database.sql(
      'SELECT n.status FROM job_nodes n JOIN job_events e ON e.xmin = n.xmin AND e.job_id = n.job_id',
    );
    expect(rows).toEqual([{ status: NODE_STATUS_CODES.ready }]);
  });

  it('stores a single write after its maximum linger', async () => {
    await start({ maxLingerMs: { job_events: 20, org_event: A_MINUTE } });
    const jobId = await storedJob(['a']);
    writer.push({
      kind: 'org_event',
      orgId: ORG,
      seq: 1,
      at: AT,
      event: { id: 'org-1', name: 'start', data: '{}' },
    });
    store.saveEvents(ORG, jobId, 1, [{ id: 'job-1', name: 'start', data: '{}' }]);
    await store.flushed();
    expect(await database.sql('SELECT 1 AS one FROM job_events')).toEqual([{ one: 1 }]);
    expect(writer.state).toMatchObject({ mode: 'idle', writes: 0 });
  });

  it('does not wait in a flush for deletions of events, and deletes them with the next batch', async () => {
    await start({ maxLingerMs: { delete_events: A_MINUTE } });
    const jobId = await storedJob(['a']);
    store.saveEvents(ORG, jobId, 1, [{ id: 'job-1', name: 'start', data: '{}' }]);
    await store.flushed();
    store.deleteEvents(ORG, jobId);
    await store.flushed();
    expect(writer.state).toMatchObject({ mode: 'gathering', writes: 1 });
    store.saveJobStatus(ORG, jobId, 'complete', AT);
    await store.flushed();
    expect(await database.sql('SELECT 1 FROM job_events')).toEqual([]);
  });

  it('lets a write linger that is pushed during a transaction', async () => {
    await start({ maxLingerMs: { delete_events: A_MINUTE } });
    const jobId = await storedJob(['a']);
    store.saveEvents(ORG, jobId, 1, [{ id: 'job-1', name: 'start', data: '{}' }]);
    await nextTurn();
    expect(writer.state.mode).toBe('writing');
    store.deleteEvents(ORG, jobId);
    await store.flushed();
    await eventually(() => writer.state.mode === 'gathering');
    expect(await database.sql('SELECT 1 AS one FROM job_events')).toEqual([{ one: 1 }]);
    store.saveJobStatus(ORG, jobId, 'complete', AT);
    await store.flushed();
    expect(await database.sql('SELECT 1 FROM job_events')).toEqual([]);
  });

  it('lets votes and starts linger, because nodes report them again after a restart, but not results', async () => {
    await start({ maxLingerMs: { node_status: A_MINUTE } });
    const jobId = await storedJob(['a', 'b', 'c']);
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    store.saveNodeStatus(ORG, jobId, 'b', 'running', AT);
    await nextTurn();
    expect(writer.state).toMatchObject({ mode: 'gathering', writes: 2 });
    store.saveNodeStatus(ORG, jobId, 'c', 'succeeded', AT);
    await store.flushed();
    expect(await statuses(jobId)).toEqual(['ready', 'running', 'succeeded']);
    expect(await transactionsIn('job_nodes')).toBe(1);
  });

  it('stores lingering writes at once when it is drained', async () => {
    await start({ maxLingerMs: { job_events: A_MINUTE, delete_events: A_MINUTE } });
    const jobId = await storedJob(['a']);
    store.deleteEvents(ORG, await storedJob(['b']));
    store.saveEvents(ORG, jobId, 1, [{ id: 'job-1', name: 'start', data: '{}' }]);
    expect(await writer.drain(10_000)).toBe(0);
    expect(await database.sql('SELECT job_id FROM job_events')).toEqual([{ job_id: jobId }]);
  });

  it('stores no events that are deleted in the same batch', async () => {
    await start();
    const jobId = await storedJob(['a']);
    store.saveEvents(ORG, jobId, 1, [{ id: 'job-1', name: 'start', data: '{}' }]);
    store.deleteEvents(ORG, jobId);
    await store.flushed();
    expect(await database.sql('SELECT 1 FROM job_events')).toEqual([]);
  });

  it('keeps the later of two statuses, in one batch or in two', async () => {
    await start();
    const jobId = await storedJob(['a', 'b']);
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    store.saveNodeStatus(ORG, jobId, 'a', 'running', AT + 1);
    store.saveNodeStatus(ORG, jobId, 'b', 'ready', AT);
    await store.flushed();
    store.saveNodeStatus(ORG, jobId, 'b', 'running', AT + 1);
    await store.flushed();
    expect(await statuses(jobId)).toEqual(['running', 'running']);
  });

  it('keeps the order of batches', async () => {
    await start({ batchWrites: 3 });
    const jobId = await storedJob(['a']);
    const steps: NodeStatus[] = ['ready', 'running', 'failed'];
    for (const status of steps) {
      store.saveNodeStatus(ORG, jobId, 'a', status, AT);
      for (let n = 0; n < 5; n++) store.saveJobStatus(ORG, randomId(), 'running', AT);
    }
    store.saveJobStatus(ORG, jobId, 'complete', AT);
    await store.flushed();
    expect(await statuses(jobId)).toEqual(['failed']);
    expect((await store.find(ORG, jobId))?.status).toBe('complete');
  });

  it('waits in a flush for writes pushed before it, not for later ones', async () => {
    await start({ batchWrites: 1 });
    const jobId = await storedJob(['a', 'b']);
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    const flushed = store.flushed();
    store.saveNodeStatus(ORG, jobId, 'b', 'ready', AT);
    await flushed;
    expect(writer.state.writes).toBe(1);
    expect(await database.sql(`SELECT status FROM job_nodes WHERE node_name = 'a'`)).toEqual([{ status: 1 }]);
    await store.flushed();
    expect(writer.state).toEqual({ mode: 'idle', writes: 0, bytes: 0, dropped: 0 });
  });

  it('loses nothing while the database is unavailable, and catches up in order', async () => {
    await start();
    const jobId = await storedJob(['a', 'b']);
    proxy.cut();
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    await eventually(() => writer.state.mode === 'waiting');
    store.saveNodeStatus(ORG, jobId, 'a', 'succeeded', AT + 1);
    store.saveNodeStatus(ORG, jobId, 'b', 'running', AT + 1);
    store.saveOutput(ORG, jobId, 'a', Buffer.from('done'), Buffer.alloc(0));
    store.saveJobStatus(ORG, jobId, 'complete', AT + 2);
    const flushed = store.flushed();
    expect(writer.state.writes).toBe(5);
    proxy.heal();
    await flushed;
    expect(await statuses(jobId)).toEqual(['succeeded', 'running']);
    expect(await store.output(ORG, jobId, 'a', 'stdout')).toEqual(Buffer.from('done'));
    expect(lines.map(({ msg }) => msg)).toEqual([
      'the database does not accept writes; they stay queued',
      'the database is available again; writing continues',
    ]);
  });

  it('continues after PostgreSQL closed its connections', async () => {
    await start();
    const jobId = await storedJob(['a']);
    await database.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    await store.flushed();
    expect(await statuses(jobId)).toEqual(['ready']);
  });

  it('replaces a connection whose reply timed out', async () => {
    await start({}, { poolSize: 1, timeouts: SHORT_TIMEOUTS });
    const jobId = await storedJob(['a']);
    proxy.dropBytes();
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    await eventually(() => writer.state.mode === 'waiting');
    proxy.heal();
    await store.flushed();
    expect(await statuses(jobId)).toEqual(['ready']);
  });

  it('is overloaded while too many writes are queued, until they are stored', async () => {
    await start({ overloadWrites: 3 });
    const jobId = await storedJob(['a', 'b', 'c']);
    proxy.cut();
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    store.saveNodeStatus(ORG, jobId, 'b', 'ready', AT);
    expect(store.overloaded).toBe(false);
    store.saveNodeStatus(ORG, jobId, 'c', 'ready', AT);
    expect(store.overloaded).toBe(true);
    proxy.heal();
    await store.flushed();
    expect(store.overloaded).toBe(false);
  });

  it('is overloaded while too many bytes are queued, and drops output but no status when the queue is full', async () => {
    await start({ overloadBytes: 10_000, outputLimitBytes: 20_000 });
    const jobId = await storedJob(['a', 'b', 'c']);
    proxy.cut();
    for (const node of ['a', 'b', 'c']) {
      store.saveOutput(ORG, jobId, node, Buffer.alloc(10_000, 0x41), Buffer.alloc(0));
      store.saveNodeStatus(ORG, jobId, node, 'succeeded', AT);
    }
    expect(store.overloaded).toBe(true);
    expect(writer.state.dropped).toBe(1);
    proxy.heal();
    await store.flushed();
    expect(await store.output(ORG, jobId, 'b', 'stdout')).toHaveLength(10_000);
    expect(await store.output(ORG, jobId, 'c', 'stdout')).toBeUndefined();
    expect(await statuses(jobId)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });

  it.each([
    ['a NUL in text', 'no\0de'],
    ['a node name that is too long for an index', 'x'.repeat(100_000)],
  ])('drops only the row that cannot be stored: %s', async (_, node) => {
    await start();
    const jobId = await storedJob(Array.from({ length: 50 }, (_, n) => `n${n}`));
    for (let n = 0; n < 50; n++) {
      store.saveNodeStatus(ORG, jobId, `n${n}`, 'ready', AT);
      // PostgreSQL compresses names, so the name is random.
      if (n === 20)
        store.saveOutput(
          ORG,
          jobId,
          node.replaceAll('x', () => randomId()[0]!),
          Buffer.from('captured'),
          Buffer.alloc(0),
        );
    }
    store.saveJobStatus(ORG, jobId, 'running', AT);
    await store.flushed();
    expect(new Set(await statuses(jobId))).toEqual(new Set(['ready']));
    expect((await store.find(ORG, jobId))?.status).toBe('running');
    expect(writer.state).toMatchObject({ mode: 'idle', writes: 0, dropped: 1 });
    expect(lines).toEqual([expect.objectContaining({ job: jobId, kind: 'output', msg: 'dropped a write' })]);
    expect(JSON.stringify(lines)).not.toContain('captured');
  });

  it('drops the events of a deleted job, and continues', async () => {
    await start();
    const jobId = await storedJob(['a']);
    store.saveEvents(ORG, randomId(), 1, [{ id: 'job-1', name: 'start', data: '{}' }]);
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    await store.flushed();
    expect(await statuses(jobId)).toEqual(['ready']);
    expect(writer.state.dropped).toBe(1);
  });

  it('stores all queued writes when it is drained, and drops later ones', async () => {
    await start();
    const jobId = await storedJob(['a', 'b']);
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    expect(await writer.drain(5_000)).toBe(0);
    store.saveNodeStatus(ORG, jobId, 'b', 'ready', AT);
    expect(await statuses(jobId)).toEqual(['ready', 'new']);
    expect(writer.state).toMatchObject({ mode: 'closed', dropped: 1 });
  });

  it('stores writes that are pushed after a flush during the drain, such as the end of a job', async () => {
    await start();
    const jobId = await storedJob(['a']);
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    const ended = store.flushed().then(() => {
      store.saveJobStatus(ORG, jobId, 'complete', AT);
      return store.flushed();
    });
    expect(await writer.drain(5_000)).toBe(0);
    await ended;
    expect((await store.find(ORG, jobId))?.status).toBe('complete');
  });

  it('returns the number of lost writes when it is drained while the database is unavailable', async () => {
    await start();
    const jobId = await storedJob(['a']);
    proxy.cut();
    store.saveNodeStatus(ORG, jobId, 'a', 'ready', AT);
    const flushed = expect(store.flushed()).rejects.toMatchObject({ code: 'writes_lost' });
    await eventually(() => writer.state.mode === 'waiting');
    expect(await writer.drain(50)).toBe(1);
    await flushed;
    await expect(store.flushed()).rejects.toMatchObject({ code: 'writes_lost' });
  });
});
