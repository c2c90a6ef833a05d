import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobSummary } from '../../src/shared/protocol/rest-schemas.js';
import { eventually } from '../support/eventually.js';
import { ORG, ServerUnderTest } from '../support/server-under-test.js';

let server: ServerUnderTest;

/** Three jobs that ended long ago, of the organization of that guid. */
const oldJobs = (orgId: string): Promise<unknown> =>
  server.database.sql(
    `INSERT INTO jobs (id, org_id, command, status, run_timeout, created_at, updated_at, quorum)
     SELECT md5($1 || n::text), $1, 'ls', 2, 60, timestamp '2020-01-01' + n * interval '1 s', timestamp '2020-01-02', 1
     FROM generate_series(1, 3) AS n`,
    [orgId],
  );

const jobsOf = async (orgId: string): Promise<unknown> =>
  (await server.database.sql('SELECT count(*)::int AS count FROM jobs WHERE org_id = $1', [orgId]))[0]?.count;

beforeAll(async () => (server = await ServerUnderTest.start()));
afterAll(() => server.close());

const bootWith = async (history_retention: object): Promise<void> => {
  await server.halt();
  Object.assign(server.config, { history_retention });
  await server.boot();
};

it('all jobs are kept where the settings say nothing, and pruned at the start where they do', async () => {
  const globex = server.chef.createOrganization('globex');
  await oldJobs(server.orgId);
  await oldJobs(globex);
  await bootWith({ organizations: {} });
  expect((await server.get<JobSummary[]>('jobs')).body).toHaveLength(3);

  await bootWith({ days: 30, organizations: { globex: { jobs: 2 } } });
  await eventually(async () => (await jobsOf(server.orgId)) === 0 && (await jobsOf(globex)) === 2);
});

it('nothing is removed while the Chef Server does not say which organization keeps more', async () => {
  await oldJobs(server.orgId);
  const heal = server.chef.faults.add({
    on: new RegExp(`/organizations/${ORG}$`),
    status: 500,
    body: 'oops',
  });
  server.log.splice(0);
  await bootWith({ days: 30, organizations: { [ORG]: {} } });
  await eventually(() =>
    server.log.some(({ scope, msg }) => scope === 'history' && msg === 'history was not pruned'),
  );
  heal();
  expect(await jobsOf(server.orgId)).toBe(3);
});
