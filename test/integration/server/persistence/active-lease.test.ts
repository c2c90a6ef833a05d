import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import pg from 'pg';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/shared/lib/deferred.js';
import { ActiveLease, type LeaseTimings } from '../../../../src/server/persistence/active-lease.js';
import { type Connection, connectionOf } from '../../../../src/server/persistence/connection-options.js';
import { createEmptyDatabase, type TestDatabase } from '../../../support/database.js';
import { eventually } from '../../../support/eventually.js';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.js';

const TIMINGS: LeaseTimings = { interval: 50, validity: 400, stalled: 900 };
const logger = pino({ level: 'silent' });

let database: TestDatabase;
let proxy: TcpProxy;
const held: ActiveLease[] = [];

beforeEach(async () => {
  database = await createEmptyDatabase();
  proxy = await startTcpProxy(database.config.host, database.config.port);
});
afterEach(async () => {
  await Promise.all(held.splice(0).map((lease) => lease.release()));
  await proxy.close();
  await database.drop();
});

const direct = (): Connection => connectionOf(database.config, database.password);
const throughProxy = (): Connection => ({ ...direct(), host: '127.0.0.1', port: proxy.port });

/** A server that becomes active some time, and tells how it lost that. */
const server = (connection = direct()) => {
  const lost = deferred<string>();
  const active = ActiveLease.acquire(connection, logger, (reason) => lost.resolve(reason), TIMINGS).then(
    (lease) => {
      held.push(lease);
      return lease;
    },
  );
  return { active, lost: lost.promise };
};

const isWaiting = async (promise: Promise<unknown>): Promise<boolean> =>
  (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, 'waiting'))])) === 'waiting';

it('lets one server act at a time, and the next when the first one is done', async () => {
  const first = await server().active;
  const second = server();
  await eventually(async () => (await leaseConnections()) === 2);
  expect(first.isActive).toBe(true);
  expect(await isWaiting(second.active)).toBe(true);
  await first.release();
  expect(first.isActive).toBe(false);
  expect((await second.active).isActive).toBe(true);
});

it('tells a server at once that its connection was ended, and lets the next one act only when it has stopped', async () => {
  const first = server();
  const lease = await first.active;
  const second = server();
  await database.sql(
    `SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
     WHERE l.locktype = 'advisory' AND a.datname = current_database()`,
  );
  expect(await first.lost).toContain('terminat');
  expect(lease.isActive).toBe(false);
  expect(await isWaiting(second.active)).toBe(true);
  expect((await second.active).isActive).toBe(true);
});

it('may not act any more when the database does not answer, before another server may', async () => {
  const first = server(throughProxy());
  const lease = await first.active;
  const second = server();
  proxy.swallowAnswers();
  await eventually(() => !lease.isActive);
  expect(await isWaiting(second.active)).toBe(true);
  await first.lost;
  expect((await second.active).isActive).toBe(true);
});

it('may not act any more when its machine has slept, but goes on when its clock was set', async () => {
  const lease = await server().active;
  const { now } = Date;
  const uptime = os.uptime();
  const awake = [600_000, -600_000].map((step) => {
    vi.spyOn(Date, 'now').mockImplementation(() => now() + step);
    return lease.isActive;
  });
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 600_000);
  vi.spyOn(os, 'uptime').mockReturnValue(uptime + 600);
  syncBuiltinESMExports();
  const afterSleep = lease.isActive;
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  expect([...awake, afterSleep]).toEqual([true, true, false]);
});

it('takes the lock from a holder that hangs with its connection standing', async () => {
  const hanging = new pg.Client({ connectionString: database.url });
  hanging.on('error', () => undefined);
  await hanging.connect();
  await hanging.query('SELECT pg_advisory_lock(728391, 1047)');
  expect((await server().active).isActive).toBe(true);
  await hanging.end();
});

it('waits for a database that is away', async () => {
  proxy.cut();
  const { active } = server(throughProxy());
  expect(await isWaiting(active)).toBe(true);
  proxy.heal();
  expect((await active).isActive).toBe(true);
});

const leaseConnections = async (): Promise<number> => {
  const [row] = await database.sql(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'push-jobs-server lease %'`,
  );
  return row!.count as number;
};
