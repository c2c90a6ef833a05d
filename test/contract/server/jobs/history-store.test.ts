import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Retention } from '../../../../src/server/jobs/history/history-store.port.js';
import { PostgresHistoryStore } from '../../../../src/server/jobs/history/postgres-history-store.js';
import { PostgresJobStore } from '../../../../src/server/jobs/stores/postgres-job-store.js';
import { PostgresBatchWriter } from '../../../../src/server/persistence/batch-writer.js';
import type { OpenDatabase } from '../../../../src/server/persistence/open-database.js';
import { createEmbeddedTestDatabase, createTestDatabase } from '../../../support/database.js';
import { newJob, randomId } from '../../../support/new-job.js';

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

  /** Stores jobs of these ages, in days; they ended when they began, unless they are to go on. */
  const jobsOfAge = async (ages: readonly number[], isOver = true): Promise<string[]> => {
    const jobs = ages.map((age) => newJob({ orgId, createdAt: NOW - age * DAY }));
    for (const job of jobs) {
      await store.create(job);
      if (isOver) store.jobStatus(job.id, 'complete', job.createdAt);
      store.saveOutput(job.id, 'web1', Buffer.from('out'), Buffer.from(''));
      store.events(job.id, 1, [{ id: 'job-1', name: 'start', data: '{}' }]);
    }
    await store.flushed();
    return jobs.map(({ id }) => id);
  };

  const prune = (org: string, retention: Retention, signal = new AbortController().signal): Promise<number> =>
    history.prune(org, retention, NOW, signal);

  const left = async (): Promise<string[]> => (await store.list(orgId)).map(({ id }) => id);

  it('without a limit stays as it is', async () => {
    const ids = await jobsOfAge([900, 1]);
    expect(await prune(orgId, {})).toBe(0);
    expect(await left()).toEqual(ids);
  });

  it('of so many days loses what is older, with all that belongs to it', async () => {
    const [old, young] = await jobsOfAge([31, 29]);
    expect(await prune(orgId, { days: 30 })).toBe(1);
    expect(await left()).toEqual([young]);
    expect(await store.output(orgId, old!, 'web1', 'stdout')).toBeUndefined();
  });

  it('of so many jobs keeps the newest', async () => {
    const ids = await jobsOfAge([5, 4, 3, 2, 1]);
    expect(await prune(orgId, { jobs: 2 })).toBe(3);
    expect(await left()).toEqual(ids.slice(-2));
    expect(await prune(orgId, { jobs: 2 })).toBe(0);
  });

  it('never loses a job that goes on, or that has just ended', async () => {
    const going = await jobsOfAge([90], false);
    const [ended] = await jobsOfAge([0.01]);
    expect(await prune(orgId, { days: 1, jobs: 1 })).toBe(0);
    expect(await left()).toEqual([...going, ended]);
  });

  it('of other organizations is left alone', async () => {
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

  /** The same history; `onRemove` hears of each statement that removes jobs, when it is through. */
  const historyTelling = (onRemove: () => void): PostgresHistoryStore =>
    new PostgresHistoryStore({
      ...open.database,
      query: async (sql, parameters) => {
        const rows = await open.database.query(sql, parameters);
        if (sql.trimStart().startsWith('DELETE')) onRemove();
        return rows;
      },
    });

  it('may have more to lose than goes in one statement', async () => {
    await oldJobs(2500);
    expect(await prune(orgId, { jobs: 10 })).toBe(2490);
    expect(await left()).toHaveLength(10);
  });

  it('loses jobs of very many nodes in statements that each do not take long', async () => {
    await oldJobs(2);
    await open.database.query(
      `INSERT INTO job_nodes (job_id, org_id, node_name, status, created_at, updated_at)
       SELECT j.id, $1, 'web' || n, 2, j.created_at, j.updated_at FROM jobs j, generate_series(1, 5001) AS n
       WHERE j.org_id = $1`,
      [orgId],
    );
    let statements = 0;
    const telling = historyTelling(() => statements++);
    expect(await telling.prune(orgId, { days: 1 }, NOW, new AbortController().signal)).toBe(2);
    expect(statements).toBe(2);
  });

  it('stops after the statement that is under way', async () => {
    await oldJobs(500);
    const stopping = new AbortController();
    const telling = historyTelling(() => stopping.abort());
    const removed = await telling.prune(orgId, { days: 1, jobs: 1 }, NOW, stopping.signal);
    expect(removed).toBeLessThan(500);
    expect(await left()).toHaveLength(500 - removed);
  });

  it('forgets requests that came before a time, and no others', async () => {
    const marks = ['old', 'new'].map((name) => ({
      request: Buffer.from(name),
      bodyHash: Buffer.from('body'),
    }));
    for (const [at, request] of [NOW - 2 * DAY, NOW].map((time, n) => [time, marks[n]!] as const)) {
      await store.create(newJob({ orgId, createdAt: at, request }));
    }
    await history.forgetRequests(NOW - DAY);
    expect(await store.findStarted(orgId, marks[0]!.request)).toBeUndefined();
    expect(await store.findStarted(orgId, marks[1]!.request)).toMatchObject({
      bodyHash: Buffer.from('body'),
    });
  });
});
