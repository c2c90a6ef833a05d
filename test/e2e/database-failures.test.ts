import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/shared/platform/logger.js';
import { startServer } from '../../src/server/start-server.js';
import { eventually } from '../support/eventually.js';
import { endRun, startRun, voteYes } from '../support/node-steps.js';
import type { SimulatedNode } from '../support/simulated-node.js';
import { useServer } from '../support/use-server.js';

/** Tables that jobs write. */
const TABLES = ['jobs', 'job_nodes', 'job_output', 'job_events', 'org_events'];

/** Role of the server; not a superuser, because connection limits do not apply to superusers. */
const role = `push_jobs_test_${randomBytes(6).toString('hex')}`;
let hasRole = false;

const server = useServer({}, async (config, secrets) => {
  if (!('host' in config.database)) throw new Error('the tests run on PostgreSQL');
  const database = { ...config.database, ...(hasRole && { sql_user: role }) };
  return startServer({ ...config, database }, secrets, createLogger({ level: 'fatal' }));
});
let web1: SimulatedNode;
beforeAll(async () => {
  await server.stopServer();
  await server.database.sqlOfServer(
    `CREATE ROLE ${role} LOGIN PASSWORD '${server.database.password}' IN ROLE CURRENT_USER`,
  );
  hasRole = true;
  await server.startServer();
  web1 = await server.availableNode('web1');
});
afterAll(async () => {
  await server.stopServer();
  await server.database.sqlOfServer(`DROP ROLE ${role}`);
});

/** Runs this PL/pgSQL statement before each write to a table that jobs write. */
const beforeWrites = (statement: string): Promise<unknown> =>
  server.database.sql(
    `CREATE FUNCTION before_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statement}; RETURN NULL; END $$;
     ${TABLES.map((table) => `CREATE TRIGGER before_write BEFORE INSERT OR UPDATE ON ${table} EXECUTE FUNCTION before_write();`).join('')}`,
  );
const removeTriggers = (): Promise<unknown> => server.database.sql('DROP FUNCTION before_write CASCADE');

const limitConnections = (connections: number): Promise<unknown> =>
  server.database.sql(
    `ALTER ROLE ${role} CONNECTION LIMIT ${connections};
     SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`,
  );

const startRunningJob = async (): Promise<string> => {
  const id = await server.startJob({ nodes: ['web1'], capture_output: true });
  await voteYes(web1, id);
  await startRun(web1, id);
  return id;
};

const FAILURES: readonly [string, () => Promise<unknown>, () => Promise<unknown>][] = [
  [
    'has no disk space left',
    () => beforeWrites(`RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'`),
    removeTriggers,
  ],
  ['accepts no connection of the server', () => limitConnections(0), () => limitConnections(-1)],
];

describe.each(FAILURES)('while PostgreSQL %s', (_what, fail, repair) => {
  it('a running job continues, new jobs get 503, and everything is stored after the repair', async () => {
    const id = await startRunningJob();
    await fail();
    const { status, response } = await server.post('jobs', { command: 'x', nodes: ['web1'] });
    expect(status).toBe(503);
    expect(response.headers['retry-after']).toBe('5');
    await endRun(web1, id, 'succeeded', { stdout: 'done' });
    await eventually(async () => (await server.job(id)).nodes.succeeded?.length === 1);
    expect((await server.job(id)).status).toBe('running'); // the job ends only when its end is stored

    await repair();
    expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
    const [output] = await server.database.sql('SELECT stdout FROM job_output WHERE job_id = $1', [id]);
    expect(output).toEqual({ stdout: 'done' });
    const next = await startRunningJob();
    await endRun(web1, next);
    await server.jobBecomes(next, 'complete');
  });
});

it('a job completes while PostgreSQL is slow', async () => {
  await beforeWrites('PERFORM pg_sleep(0.2)');
  const id = await startRunningJob();
  await endRun(web1, id, 'succeeded', { stdout: 'done' });
  expect((await server.jobBecomes(id, 'complete')).nodes).toEqual({ succeeded: ['web1'] });
  await removeTriggers();
});
