import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/shared/platform/logger.js';
import { startServer } from '../../src/server/start-server.js';
import { eventually } from '../support/eventually.js';
import { endRun, startRun, voteYes } from '../support/play-job.js';
import { ServerUnderTest } from '../support/server-under-test.js';
import type { SimulatedNode } from '../support/simulated-node.js';

/** The tables that jobs change. */
const TABLES = ['jobs', 'job_nodes', 'job_output', 'job_events', 'org_events'];

/** The role of the server: not a superuser, whom PostgreSQL lets in beyond its limits. */
const role = `push_jobs_test_${randomBytes(6).toString('hex')}`;
let hasRole = false;

let server: ServerUnderTest;
let web1: SimulatedNode;
beforeAll(async () => {
  server = await ServerUnderTest.start({}, async (config, secrets) => {
    if (!('host' in config.database)) throw new Error('the tests run on PostgreSQL');
    const database = { ...config.database, ...(hasRole && { sql_user: role }) };
    return startServer({ ...config, database }, secrets, createLogger({ level: 'fatal' }));
  });
  await server.halt();
  await server.database.sqlOfServer(
    `CREATE ROLE ${role} LOGIN PASSWORD '${server.database.password}' IN ROLE CURRENT_USER`,
  );
  hasRole = true;
  await server.boot();
  web1 = await server.availableNode('web1');
});
afterAll(async () => {
  const { database } = server;
  await server.close();
  await database.sqlOfServer(`DROP ROLE ${role}`);
});

/** From now on PostgreSQL does this before each change of a table that jobs change. */
const beforeChanges = (statement: string): Promise<unknown> =>
  server.database.sql(
    `CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statement}; RETURN NULL; END $$;
     ${TABLES.map((table) => `CREATE TRIGGER trouble BEFORE INSERT OR UPDATE ON ${table} EXECUTE FUNCTION trouble();`).join('')}`,
  );
const noMore = (): Promise<unknown> => server.database.sql('DROP FUNCTION trouble CASCADE');

const letIn = (connections: number): Promise<unknown> =>
  server.database.sql(
    `ALTER ROLE ${role} CONNECTION LIMIT ${connections};
     SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`,
  );

const runningJob = async (): Promise<string> => {
  const id = await server.startJob({ nodes: ['web1'], capture_output: true });
  await voteYes(web1, id);
  await startRun(web1, id);
  return id;
};

const TROUBLES: readonly [string, () => Promise<unknown>, () => Promise<unknown>][] = [
  [
    'has no room left on its disk',
    () => beforeChanges(`RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'`),
    noMore,
  ],
  ['has no connection left for the server', () => letIn(0), () => letIn(-1)],
];

describe.each(TROUBLES)('while PostgreSQL %s', (_what, begin, mend) => {
  it('a job that runs goes on, no job is started, and nothing is missing when it is mended', async () => {
    const id = await runningJob();
    await begin();
    const answer = await server.post('jobs', { command: 'x', nodes: ['web1'] });
    expect(answer.status).toBe(503);
    expect(answer.response.headers['retry-after']).toBe('5');
    await endRun(web1, id, 'succeeded', { stdout: 'done' });
    await eventually(async () => (await server.job(id)).nodes.succeeded?.length === 1);
    expect((await server.job(id)).status).toBe('running'); // its end is told when it is stored

    await mend();
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
    const [output] = await server.database.sql('SELECT stdout FROM job_output WHERE job_id = $1', [id]);
    expect(output).toEqual({ stdout: 'done' });
    const next = await runningJob();
    await endRun(web1, next);
    await server.jobBecomes(next, 'complete');
  });
});

it('while PostgreSQL is slow jobs are slow too, and end as they should', async () => {
  await beforeChanges('PERFORM pg_sleep(0.2)');
  const id = await runningJob();
  await endRun(web1, id, 'succeeded', { stdout: 'done' });
  expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
  await noMore();
});
