import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Retention } from '../../../../../src/server/jobs/history/history-store.port.js';
import { PostgresHistoryStore } from '../../../../../src/server/jobs/history/postgres-history-store.js';
import { PostgresJobStore } from '../../../../../src/server/jobs/stores/postgres-job-store.js';
import { PostgresBatchWriter } from '../../../../../src/server/persistence/batch-writer.js';
import type { OpenDatabase } from '../../../../../src/server/persistence/open-database.js';
import { createEmbeddedTestDatabase, createTestDatabase } from '../../../../support/database.js';
import { newJob, randomId } from '../../../../support/new-job.js';

const openPostgres = async (): Promise<OpenDatabase> => {
  const created = await createTestDatabase();
  const open = await created.open();
  return {
    ...open,
    close: async () => {
      await open.close();
      await created.drop();
    },
  };
};

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 22, 8);

describe.each([
  { name: 'PostgreSQL', open: openPostgres },
  { name: 'the embedded database', open: createEmbeddedTestDatabase },
])('the history on $name', ({ open: openDatabase }) => {
  let open: OpenDatabase;
  let writer: PostgresBatchWriter;
  let store: PostgresJobStore;
  let history: PostgresHistoryStore;
  let orgId: string;

  beforeAll(async () => {
    open = await openDatabase();
    writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }));
    store = new PostgresJobStore(open.database, writer);
    history = new PostgresHistoryStore(open.database);
  });
  afterAll(async () => {
    await writer.drain(5_000);
    await open.close();
  });
  beforeEach(() => {
    orgId = randomId();
  });

  /** Stores jobs of these ages in days; they end when they start, unless `isOver` is false. */
  const jobsOfAge = async (ages: readonly number[], isOver = true): Promise<string[]> => {
    const jobs = ages.map((age) => newJob({ orgId, createdAt: NOW - age * DAY }));
    for (const job of jobs) {
      await store.create(job);
      if (isOver) store.saveJobStatus(orgId, job.id, 'complete', job.createdAt);
      store.saveOutput(orgId, job.id, 'web1', Buffer.from('out'), Buffer.from(''));
      store.saveEvents(orgId, job.id, 1, [{ id: 'job-1', name: 'start', data: '{}' }]);
    }
    await store.flushed();
    return jobs.map(({ id }) => id);
  };

  const prune = (org: string, retention: Retention, signal = new AbortController().signal): Promise<number> =>
    history.prune(org, retention, NOW, signal);

  const left = async (): Promise<string[]> => (await store.list(orgId)).map(({ id }) => id);

  it('is kept without a limit', async () => {
    const ids = await jobsOfAge([900, 1]);
    expect(await prune(orgId, {})).toBe(0);
    expect(await left()).toEqual(ids);
  });

  it('of a number of days loses older jobs, with all their rows', async () => {
    const [old, young] = await jobsOfAge([31, 29]);
    expect(await prune(orgId, { days: 30 })).toBe(1);
    expect(await left()).toEqual([young]);
    expect(await store.output(orgId, old!, 'web1', 'stdout')).toBeUndefined();
  });

  it('of a number of jobs keeps the newest ones', async () => {
    const ids = await jobsOfAge([5, 4, 3, 2, 1]);
    expect(await prune(orgId, { jobs: 2 })).toBe(3);
    expect(await left()).toEqual(ids.slice(-2));
    expect(await prune(orgId, { jobs: 2 })).toBe(0);
  });

  it('never loses a live job, or one that has just ended', async () => {
    const live = await jobsOfAge([90], false);
    const [ended] = await jobsOfAge([0.01]);
    expect(await prune(orgId, { days: 1, jobs: 1 })).toBe(0);
    expect(await left()).toEqual([...live, ended]);
  });

  it('of other organizations is kept', async () => {
    const ids = await jobsOfAge([90]);
    await prune(randomId(), { days: 1, jobs: 1 });
    expect(await left()).toEqual(ids);
    expect(await history.organizations()).toContain(orgId);
  });

  const oldJobs = (count: number): Promise<unknown> =>
    open.database.query(
      `INSERT INTO jobs (id, org_id, command, status, run_timeout, created_at, updated_at, quorum)
       SELECT md5($1 || n::text), $1, 'ls', 2, 60, timestamp '2020-01-01' + n * interval '1 s', timestamp '2020-01-02', 1
       FROM generate_series(1, $2::int) AS n`,
      [orgId, count],
    );

  /** The same history; calls `onDelete` after each DELETE. */
  const historyWith = (onDelete: () => void): PostgresHistoryStore =>
    new PostgresHistoryStore({
      ownership: open.database.ownership,
      transaction: (work) => open.database.transaction(work),
      query: async (sql, parameters) => {
        const rows = await open.database.query(sql, parameters);
        if (sql.trimStart().startsWith('DELETE')) onDelete();
        return rows;
      },
    });

  it('may lose more jobs than one statement deletes', async () => {
    await oldJobs(2500);
    expect(await prune(orgId, { jobs: 10 })).toBe(2490);
    expect(await left()).toHaveLength(10);
  });

  it('deletes jobs on very many nodes in several short statements', async () => {
    await oldJobs(2);
    await open.database.query(
      `INSERT INTO job_nodes (job_id, org_id, node_name, status, created_at, updated_at)
       SELECT j.id, $1, 'web' || n, 2, j.created_at, j.updated_at FROM jobs j, generate_series(1, 5001) AS n
       WHERE j.org_id = $1`,
      [orgId],
    );
    let statements = 0;
    const observed = historyWith(() => statements++);
    expect(await observed.prune(orgId, { days: 1 }, NOW, new AbortController().signal)).toBe(2);
    expect(statements).toBe(2);
  });

  it('stops after the current statement', async () => {
    await oldJobs(500);
    const stopping = new AbortController();
    const observed = historyWith(() => stopping.abort());
    const deleted = await observed.prune(orgId, { days: 1, jobs: 1 }, NOW, stopping.signal);
    expect(deleted).toBeLessThan(500);
    expect(await left()).toHaveLength(500 - deleted);
  });

  it('deletes only the idempotency keys of requests before a time', async () => {
    const marks = ['old', 'new'].map((name) => ({
      keyHash: Buffer.from(name),
      bodyHash: Buffer.from('body'),
    }));
    for (const [at, idempotency] of [NOW - 2 * DAY, NOW].map((time, n) => [time, marks[n]!] as const)) {
      await store.create(newJob({ orgId, createdAt: at, idempotency }));
    }
    await history.deleteIdempotencyKeys(NOW - DAY);
    expect(await store.releaseKeyOrGetStart(orgId, marks[0]!.keyHash)).toBeUndefined();
    expect(await store.releaseKeyOrGetStart(orgId, marks[1]!.keyHash)).toMatchObject({
      bodyHash: Buffer.from('body'),
    });
  });
});
