import { expect, it } from 'vitest';
import type { JobSummary } from '../../src/shared/protocol/rest-schemas.js';
import { eventually } from '../support/eventually.js';
import { ORG } from '../support/server-surroundings.js';
import { useServer } from '../support/use-server.js';

const server = useServer();

/** Stores three jobs that ended long ago. */
const storeOldJobs = (orgId: string): Promise<unknown> =>
  server.database.sql(
    `INSERT INTO jobs (id, org_id, command, status, run_timeout, created_at, updated_at, quorum)
     SELECT md5($1 || n::text), $1, 'ls', 2, 60, timestamp '2020-01-01' + n * interval '1 s', timestamp '2020-01-02', 1
     FROM generate_series(1, 3) AS n`,
    [orgId],
  );

const jobCount = async (orgId: string): Promise<unknown> =>
  (await server.database.sql('SELECT count(*)::int AS count FROM jobs WHERE org_id = $1', [orgId]))[0]?.count;

it('keeps all jobs without a setting, and prunes at the start with one', async () => {
  const globex = server.chef.createOrganization('globex');
  await storeOldJobs(server.orgId);
  await storeOldJobs(globex);
  await server.restart({ history_retention: { organizations: {} } });
  expect((await server.get<JobSummary[]>('jobs')).body).toHaveLength(3);

  await server.restart({ history_retention: { days: 30, organizations: { globex: { jobs: 2 } } } });
  await eventually(async () => (await jobCount(server.orgId)) === 0 && (await jobCount(globex)) === 2);
});

it('removes nothing while the Chef Server does not resolve the names of organizations in the setting', async () => {
  await storeOldJobs(server.orgId);
  const heal = server.chef.faults.add({
    on: new RegExp(`/organizations/${ORG}$`),
    status: 500,
    body: 'oops',
  });
  server.log.splice(0);
  await server.restart({ history_retention: { days: 30, organizations: { [ORG]: {} } } });
  await eventually(() =>
    server.log.some(
      ({ scope, msg }) =>
        scope === 'history' && msg === 'cannot delete old jobs: an organization cannot be looked up',
    ),
  );
  heal();
  expect(await jobCount(server.orgId)).toBe(3);
});
