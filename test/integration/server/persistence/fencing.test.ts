import pg from 'pg';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PostgresJobStore } from '../../../../src/server/jobs/stores/postgres-job-store.js';
import { PostgresSessionStore } from '../../../../src/server/keys/postgres-session-store.js';
import { PostgresBatchWriter } from '../../../../src/server/persistence/batch-writer.js';
import type { OpenDatabase } from '../../../../src/server/persistence/open-database.js';
import type { FeedEvent } from '../../../../src/shared/protocol/feed-event.js';
import { createTestDatabase, type TestDatabase } from '../../../support/database.js';
import { eventually } from '../../../support/eventually.js';
import { newJob, randomId } from '../../../support/new-job.js';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.js';

const ORG = randomId();
const AT = Date.UTC(2026, 10, 22, 8);

/** An active server, as far as the database sees it. */
interface Server {
  readonly open: OpenDatabase;
  readonly writer: PostgresBatchWriter;
  readonly store: PostgresJobStore;
}

let database: TestDatabase;
let proxy: TcpProxy;
let old: Server;
const servers: Server[] = [];

/** Starts to use the database, as a server does that became active. */
const takeOver = async (port = database.config.port): Promise<Server> => {
  const open = await database.open({ database: { ...database.config, port } });
  const writer = new PostgresBatchWriter(open.database, pino({ level: 'silent' }));
  const server = { open, writer, store: new PostgresJobStore(open.database, writer) };
  servers.push(server);
  return server;
};

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await startTcpProxy(database.config.host, database.config.port);
  old = await takeOver(proxy.port);
});
afterEach(async () => {
  for (const { writer, open } of servers.splice(0)) {
    await writer.drain(0);
    await open.close();
  }
  await proxy.close();
  await database.drop();
});

const event = (id: string, by: string): FeedEvent => ({ id, name: 'start', data: JSON.stringify({ by }) });

/** Changes everything about a job that a server can change. */
const changeAll = ({ store, writer }: Server, orgId: string, jobId: string, by: string): void => {
  store.saveNodeStatus(orgId, jobId, 'web1', 'succeeded', AT);
  store.saveOutput(orgId, jobId, 'web1', Buffer.from(by), Buffer.alloc(0));
  store.saveEvents(orgId, jobId, 1, [event('job-1', by)]);
  store.saveJobStatus(orgId, jobId, 'complete', AT);
  writer.push({ kind: 'org_event', orgId, seq: 1, at: AT, event: event('org-1', by) });
  writer.push({ kind: 'node_seen', orgId, node: 'web1', incarnation: by, at: AT });
};

/** Everything about jobs that is stored. */
const everything = async (): Promise<unknown> => {
  const rows = (sql: string) => database.sql(sql);
  return Promise.all([
    rows('SELECT id, status FROM jobs ORDER BY id'),
    rows('SELECT job_id, node_name, status FROM job_nodes ORDER BY job_id, node_name'),
    rows('SELECT job_id, stdout FROM job_output ORDER BY job_id'),
    rows('SELECT job_id, events::text FROM job_events ORDER BY job_id'),
    rows('SELECT org_id, seq, data::text FROM org_events ORDER BY org_id, seq'),
    rows('SELECT org_id, node_name, incarnation_id FROM nodes ORDER BY org_id'),
  ]);
};

/** Counts the connections to the database that match a condition. */
const connections = async (condition: string): Promise<number> => {
  const [row] = await database.sql(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND ${condition}`,
  );
  return row?.count as number;
};

/** Waits until the server's writes have an end, good or bad. */
const settled = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'stored',
    () => 'refused',
  );

describe('statements of the previous active server that reach the database after a take-over', () => {
  it('change nothing, and are told so', async () => {
    const orgs = [ORG, randomId()];
    const jobs = orgs.map((orgId) => newJob({ orgId }));
    for (const job of jobs) await old.store.create(job);
    proxy.stall();
    for (const { orgId, id } of jobs) changeAll(old, orgId, id, 'old');
    const stored = settled(old.store.flushed());
    await eventually(() => old.writer.state.mode === 'writing');

    const next = await takeOver();
    expect((await next.store.loadLive()).map(({ status }) => status)).toEqual(['voting', 'voting']);
    const before = await everything();
    proxy.heal();
    expect(await stored).toBe('refused');
    expect(await everything()).toEqual(before);
    expect(old.writer.state.mode).toBe('closed');
  });

  it('hide no event of the new one', async () => {
    const job = newJob({ orgId: ORG });
    await old.store.create(job);
    proxy.stall();
    changeAll(old, ORG, job.id, 'old');
    const stored = settled(old.store.flushed());
    await eventually(() => old.writer.state.mode === 'writing');

    const next = await takeOver();
    proxy.heal();
    await stored;
    changeAll(next, ORG, job.id, 'new');
    await next.store.flushed();
    expect(await database.sql('SELECT data::text FROM org_events')).toEqual([{ data: '{"by":"new"}' }]);
    expect(await database.sql(`SELECT events->0->>'data' AS data FROM job_events`)).toEqual([
      { data: '{"by":"new"}' },
    ]);
  });

  it.each([
    ['an organization with jobs', true],
    ['an organization without jobs', false],
  ])('start no job of %s', async (_, hasJobs) => {
    if (hasJobs) await old.store.create(newJob({ orgId: ORG }));
    else await old.store.create(newJob({ orgId: randomId() }));
    proxy.stall();
    const job = newJob({ orgId: ORG });
    const created = settled(old.store.create(job));

    const next = await takeOver();
    proxy.heal();
    expect(await created).toBe('refused');
    expect(await next.store.find(ORG, job.id)).toBeUndefined();
    await expect(old.store.create(newJob({ orgId: ORG }))).rejects.toMatchObject({
      code: 'database_unavailable',
    });
  });
});

describe('a take-over', () => {
  /** Runs a statement in a transaction of a connection of its own, which then holds its locks. */
  const holding = async (sql: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: database.url });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('BEGIN');
    await client.query(sql);
    return client;
  };

  it('waits for a statement of the previous server in progress, and sees what it has stored', async () => {
    const job = newJob({ orgId: ORG });
    await old.store.create(job);
    const other = await holding('SELECT FROM job_nodes FOR UPDATE');
    old.store.saveNodeStatus(ORG, job.id, 'web1', 'succeeded', AT);
    const stored = settled(old.store.flushed());
    await eventually(async () => (await connections("wait_event_type = 'Lock'")) === 1);
    const taking = takeOver();
    await eventually(async () => (await connections("wait_event_type = 'Lock'")) === 2);
    await other.query('ROLLBACK');
    await other.end();
    expect(await stored).toBe('stored');
    const live = await (await taking).store.loadLive();
    expect(live[0]?.nodes).toEqual([{ name: 'web1', status: 'succeeded' }]);
  });

  it.each([
    ['an organization', 'SELECT FROM org_owners FOR SHARE'],
    ['the right to claim organizations', 'SELECT FROM servers FOR SHARE'],
    ['another take-over', 'LOCK TABLE servers IN SHARE ROW EXCLUSIVE MODE'],
  ])('does not wait for ever for a connection that holds %s', async (_, sql) => {
    const job = newJob({ orgId: ORG });
    await old.store.create(job);
    const stuck = await holding(sql);
    await (await takeOver()).store.create(newJob({ orgId: ORG }));
    await expect(stuck.query('SELECT 1')).rejects.toThrow();
    await stuck.end();
  });

  it('leaves one owner of everything if several servers take over at the same time', async () => {
    await old.store.create(newJob({ orgId: ORG }));
    const contenders = await Promise.all([takeOver(), takeOver(), takeOver()]);
    const outcomes = [];
    for (const { store } of contenders) {
      const created = [ORG, randomId()].map((orgId) => settled(store.create(newJob({ orgId }))));
      outcomes.push(await Promise.all(created));
    }
    const refused = ['refused', 'refused'];
    expect(outcomes.sort()).toEqual([refused, refused, ['stored', 'stored']]);
  });

  it('leaves the rest of a batch alone if another server owns one of its organizations', async () => {
    const jobs = [newJob({ orgId: ORG }), newJob({ orgId: randomId() })];
    for (const job of jobs) await old.store.create(job);
    await database.sql(`UPDATE org_owners SET fence = fence + 1 WHERE org_id = '${ORG}'`);
    for (const { orgId, id } of jobs) changeAll(old, orgId, id, 'old');
    expect(await settled(old.store.flushed())).toBe('refused');
    for (const table of ['job_output', 'job_events']) {
      expect(await database.sql(`SELECT job_id FROM ${table}`)).toEqual([{ job_id: jobs[1]!.id }]);
    }
    for (const table of ['org_events', 'nodes']) {
      expect(await database.sql(`SELECT org_id FROM ${table}`)).toEqual([{ org_id: jobs[1]!.orgId }]);
    }
    expect((await old.store.find(ORG, jobs[0]!.id))?.status).toBe('voting');
    expect((await old.store.find(jobs[1]!.orgId, jobs[1]!.id))?.status).toBe('complete');
  });
});

it('a server whose claim got no reply owns the organization all the same', async () => {
  await old.store.create(newJob({ orgId: randomId() }));
  await database.sql(
    `INSERT INTO org_owners (org_id, server_id, fence) SELECT '${ORG}', server_id, 7 FROM org_owners`,
  );
  await old.store.create(newJob({ orgId: ORG }));
  expect(await database.sql(`SELECT fence::int FROM org_owners WHERE org_id = '${ORG}'`)).toEqual([
    { fence: 7 },
  ]);
});

it('a node that the previous server admits after a take-over gets no session', async () => {
  const sessions = new PostgresSessionStore(old.open.database);
  const curveKey = {
    orgId: ORG,
    node: 'web1',
    curveKey: Buffer.alloc(32),
    expiresAt: AT,
    heartbeatInterval: 1,
  };
  const session = {
    orgId: ORG,
    node: 'web1',
    orgName: 'acme',
    sealedKey: Buffer.alloc(8),
    keyFingerprint: 'k',
  };
  const admission = { session, curveKey, evictedKeys: [], replacedOrg: undefined };
  await sessions.save(admission);
  proxy.stall();
  const saved = settled(
    sessions.save({ ...admission, session: { ...session, keyFingerprint: 'other' }, replacedOrg: ORG }),
  );
  const removed = settled(sessions.remove({ orgId: ORG, node: 'web1' }));
  const next = await takeOver();
  proxy.heal();
  expect([await saved, await removed]).toEqual(['refused', 'refused']);
  const stored = await new PostgresSessionStore(next.open.database).load();
  expect(stored.sessions).toEqual([session]);
  expect(stored.curveKeys).toEqual([curveKey]);
});
