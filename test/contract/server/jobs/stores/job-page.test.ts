import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobFilter, NewJob } from '../../../../../src/server/jobs/job-store.port.js';
import { PostgresJobStore } from '../../../../../src/server/jobs/stores/postgres-job-store.js';
import { PostgresBatchWriter } from '../../../../../src/server/persistence/batch-writer.js';
import type { OpenDatabase } from '../../../../../src/server/persistence/open-database.js';
import {
  formatCursor,
  type JobListPosition,
  parseJobListQuery,
} from '../../../../../src/shared/protocol/job-list-query.js';
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

const START = Date.UTC(2026, 0, 1);
const LONG = 'x'.repeat(200);
const COMMANDS = ['chef-client', 'uptime', `${LONG}a`, `${LONG}b`];
const USERS = ['alice', 'bob', `${LONG}c`];
const NODES = ['web1', 'web2', 'db1', `${LONG}d`];

const pick = <T>(values: readonly T[], at: number): T => values[at % values.length]!;

describe.each([
  { name: 'PostgreSQL', open: openPostgres },
  { name: 'the embedded database', open: createEmbeddedTestDatabase },
])('a page of jobs on $name', ({ open: openDatabase }) => {
  const orgId = randomId();
  const jobs: (NewJob & { readonly status: 'voting' | 'complete' | 'aborted' })[] = [];
  let open: OpenDatabase;
  let writer: PostgresBatchWriter;
  let store: PostgresJobStore;

  beforeAll(async () => {
    open = await openDatabase();
    writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }));
    store = new PostgresJobStore(open.database, writer);
    for (let n = 0; n < 60; n++) {
      const job = newJob({
        orgId,
        command: pick(COMMANDS, n * 7),
        createdBy: pick(USERS, n),
        // Jobs with equal times, so that the id decides.
        createdAt: START + Math.floor(n / 3) * 1000,
        nodes: [pick(NODES, n), pick(NODES, n + 1)],
      });
      await store.create(job);
      const status = pick(['voting', 'complete', 'aborted'] as const, n * 5);
      if (status !== 'voting') store.saveJobStatus(orgId, job.id, status, job.createdAt);
      jobs.push({ ...job, status });
    }
    await store.create(newJob({ orgId: randomId(), createdAt: START }));
    await store.flushed();
  });
  afterAll(async () => {
    await writer.drain(5_000);
    await open.close();
  });

  /** A second implementation of the filter. */
  const expected = (filter: JobFilter): string[] => {
    const found = jobs
      .filter(({ status }) => filter.status === undefined || status === filter.status)
      .filter(({ command }) => filter.command === undefined || command === filter.command)
      .filter(({ createdBy }) => filter.user === undefined || createdBy === filter.user)
      .filter(({ nodes }) => filter.node === undefined || nodes.includes(filter.node))
      .filter(({ createdAt }) => filter.since === undefined || createdAt >= filter.since)
      .filter(({ createdAt }) => filter.until === undefined || createdAt < filter.until)
      .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
      .map(({ id }) => id);
    return filter.newestFirst === true ? found.reverse() : found;
  };

  const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const instants = fc.integer({ min: -1, max: 21 }).map((second) => START + second * 1000);
  const filters = fc
    .record({
      status: optional(fc.constantFrom('voting', 'complete', 'aborted', 'running')),
      command: optional(fc.constantFrom(...COMMANDS, 'nothing')),
      user: optional(fc.constantFrom(...USERS, LONG)),
      node: optional(fc.constantFrom(...NODES, 'nosuch')),
      since: optional(instants),
      until: optional(instants),
      newestFirst: fc.boolean(),
      limit: optional(fc.integer({ min: 1, max: 25 })),
    })
    .map(
      (filter) =>
        Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as JobFilter,
    );

  /** Returns the ids of all jobs that match the filter, read page by page with cursors as users get them. */
  const readAllPages = async (org: string, filter: JobFilter): Promise<string[]> => {
    const ids: string[] = [];
    for (let after: JobListPosition | undefined; ;) {
      const { jobs: page, next } = await store.page(org, { ...filter, ...(after && { after }) });
      ids.push(...page.map(({ id }) => id));
      expect(page.length).toBeLessThanOrEqual(filter.limit ?? jobs.length);
      if (next === undefined) return ids;
      const query = parseJobListQuery({ cursor: formatCursor(next) });
      if (!query.ok) throw new Error(query.error);
      after = query.value.cursor;
    }
  };

  it('after page returns exactly the jobs that match the filter, once each and in order', async () => {
    await fc.assert(
      fc.asyncProperty(filters, async (filter) => {
        expect(await readAllPages(orgId, filter)).toEqual(expected(filter));
      }),
      { numRuns: 60 },
    );
  });

  it('reads the user and the microseconds of jobs that the old server stored', async () => {
    const old = randomId();
    await open.database.query(
      `INSERT INTO jobs (id, org_id, command, status, run_timeout, last_updated_by, created_at, updated_at, quorum)
       SELECT lpad(n::text, 32, '0'), $1, 'ls', 2, 60, 'carol', timestamp '2026-01-01' + n * interval '1 microsecond',
              now(), 1 FROM generate_series(1, 3) AS n`,
      [old],
    );
    const first = await store.page(old, { user: 'carol', limit: 2 });
    expect(first.jobs.map(({ id }) => Number(id))).toEqual([1, 2]);
    const rest = await store.page(old, { user: 'carol', limit: 2, after: first.next! });
    expect(rest.jobs.map(({ id }) => Number(id))).toEqual([3]);
    expect(rest.next).toBeUndefined();
  });

  it('lists jobs without a creation time, which the old server can leave, as the newest ones', async () => {
    const old = randomId();
    await open.database.query(
      `INSERT INTO jobs (id, org_id, command, status, run_timeout, created_at, updated_at, quorum)
       SELECT lpad((n + 10)::text, 32, '0'), $1, 'ls', 2, 60,
              CASE WHEN n <= 4 THEN timestamp '2026-01-01' + n * interval '1 day' END, now(), 1
       FROM generate_series(1, 7) AS n`,
      [old],
    );
    const all = [11, 12, 13, 14, 15, 16, 17];
    for (const limit of [1, 2, 3, 4, 7]) {
      expect((await readAllPages(old, { limit })).map(Number)).toEqual(all);
      expect((await readAllPages(old, { limit, newestFirst: true })).map(Number)).toEqual(all.toReversed());
    }
  });
});
