import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { JobStore } from '../../../src/server/jobs/job-store.port.js';
import { PostgresJobStore } from '../../../src/server/jobs/stores/postgres-job-store.js';
import type { JobSummary } from '../../../src/shared/protocol/rest-schemas.js';
import { ORG } from '../../support/server-surroundings.js';
import { useServer } from '../../support/use-server.js';

const JOBS = 2_500;

const server = useServer();
/** Oldest first; the last one has no date. */
const ids = Array.from({ length: JOBS + 1 }, (_, index) => index.toString(16).padStart(32, '0'));

beforeAll(async () => {
  await server.database.sql(
    `INSERT INTO jobs (id, org_id, command, status, run_timeout, last_updated_by, created_at, updated_at, quorum)
     SELECT id, $2, 'chef-client', 2, 60, 'alice', at, at, 1
     FROM (SELECT id, CASE WHEN n <= $3 THEN timestamp '2020-01-01' + n * interval '1 second' END AS at
           FROM unnest($1::text[]) WITH ORDINALITY AS t (id, n)) AS dated`,
    [ids, server.orgId, JOBS],
  );
});

afterEach(() => vi.restoreAllMocks());

const list = async (query = ''): Promise<JobSummary[]> => {
  const { status, body, response } = await server.get<JobSummary[]>(`jobs${query}`);
  expect(status).toBe(200);
  expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(response.headers.link).toBeUndefined();
  expect(response.body.toString()).toBe(JSON.stringify(body));
  return body;
};

const idsOf = (jobs: JobSummary[]): string[] => jobs.map(({ id }) => id);

describe('a list of more jobs than a page', () => {
  it('contains each job once, oldest first, jobs without a date at the end', async () => {
    const all = await list();
    expect(idsOf(all)).toEqual(ids);
    const { body: page } = await server.get<JobSummary[]>('jobs?limit=1000');
    expect(all.slice(0, 1000)).toEqual(page);
  });

  it('can be reversed and filtered', async () => {
    expect(idsOf(await list('?order=newest'))).toEqual([...ids].reverse());
    expect(idsOf(await list('?since=2020-01-01T00:00:11Z&status=complete'))).toEqual(ids.slice(10, JOBS));
  });

  it('is read from the database page by page', async () => {
    const page = vi.spyOn(PostgresJobStore.prototype, 'page');
    await list();
    expect(page.mock.calls.map(([, { limit }]) => limit).filter((limit) => limit !== undefined)).toEqual(
      Array(4).fill(1_000),
    );
  });

  it('breaks off the response if the database fails during the list', async () => {
    const page: JobStore['page'] = Reflect.get(PostgresJobStore.prototype, 'page');
    let calls = 0;
    vi.spyOn(PostgresJobStore.prototype, 'page').mockImplementation(function (
      this: PostgresJobStore,
      ...args
    ) {
      return ++calls === 3 ? Promise.reject(new Error('the disk is gone')) : page.apply(this, args);
    });
    const url = server.url(`/organizations/${ORG}/pushy/jobs`);
    const response = await server.as().send({ method: 'GET', url });
    expect(response).toMatchObject({ ok: false, error: { kind: 'unreachable' } });
    expect(server.log).toContainEqual(
      expect.objectContaining({ msg: 'cannot complete a list of jobs', reason: 'the disk is gone' }),
    );
    vi.restoreAllMocks();
    expect(await list()).toHaveLength(JOBS + 1);
  });

  it('gets 503 if the database fails before the first page', async () => {
    const { status, response } = await server.database.withoutTable('jobs', () => server.get('jobs'));
    expect(status).toBe(503);
    expect(response.headers['retry-after']).toBe('5');
  });
});
