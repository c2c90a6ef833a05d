import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import pg from 'pg';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/shared/lib/deferred.js';
import { LeadershipLease, type LeaseTimings } from '../../../../src/server/persistence/leadership-lease.js';
import { type Connection, connectionOf } from '../../../../src/server/persistence/connection-options.js';
import { createEmptyDatabase, type TestDatabase } from '../../../support/database.js';
import { eventually } from '../../../support/eventually.js';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.js';

const TIMINGS: LeaseTimings = { interval: 50, validity: 400, stalledAfter: 900 };
const logger = pino({ level: 'silent' });

let database: TestDatabase;
let proxy: TcpProxy;
const leases: LeadershipLease[] = [];

beforeEach(async () => {
  database = await createEmptyDatabase();
  proxy = await startTcpProxy(database.config.host, database.config.port);
});
afterEach(async () => {
  await Promise.all(leases.splice(0).map((lease) => lease.release()));
  await proxy.close();
  await database.drop();
});

const direct = (): Connection => connectionOf(database.config, database.password);
const throughProxy = (): Connection => ({ ...direct(), host: '127.0.0.1', port: proxy.port });

/** A server that becomes the leader at some time, and the reason when it loses that. */
const server = (connection = direct()) => {
  const lost = deferred<string>();
  const leading = LeadershipLease.acquire(connection, logger, (reason) => lost.resolve(reason), TIMINGS).then(
    (lease) => {
      leases.push(lease);
      return lease;
    },
  );
  return { leading, lost: lost.promise };
};

const isWaiting = async (promise: Promise<unknown>): Promise<boolean> =>
  (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, 'waiting'))])) === 'waiting';

it('has one leader at a time, and the next one when the first releases', async () => {
  const first = await server().leading;
  const second = server();
  await eventually(async () => (await leaseConnections()) === 2);
  expect(first.isLeader).toBe(true);
  expect(await isWaiting(second.leading)).toBe(true);
  await first.release();
  expect(first.isLeader).toBe(false);
  expect((await second.leading).isLeader).toBe(true);
});

it('reports a closed connection at once, and has the next leader only after the validity of the lease', async () => {
  const first = server();
  const lease = await first.leading;
  const second = server();
  await database.sql(
    `SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
     WHERE l.locktype = 'advisory' AND a.datname = current_database()`,
  );
  expect(await first.lost).toContain('terminat');
  expect(lease.isLeader).toBe(false);
  expect(await isWaiting(second.leading)).toBe(true);
  expect((await second.leading).isLeader).toBe(true);
});

it('ends before another server becomes the leader if the database does not reply', async () => {
  const first = server(throughProxy());
  const lease = await first.leading;
  const second = server();
  proxy.dropServerBytes();
  await eventually(() => !lease.isLeader);
  expect(await isWaiting(second.leading)).toBe(true);
  await first.lost;
  expect((await second.leading).isLeader).toBe(true);
});

it('ends while its machine sleeps, but not when its clock is set', async () => {
  const lease = await server().leading;
  const { now } = Date;
  const uptime = os.uptime();
  const awake = [600_000, -600_000].map((step) => {
    vi.spyOn(Date, 'now').mockImplementation(() => now() + step);
    return lease.isLeader;
  });
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 600_000);
  vi.spyOn(os, 'uptime').mockReturnValue(uptime + 600);
  syncBuiltinESMExports();
  const afterSleep = lease.isLeader;
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  expect([...awake, afterSleep]).toEqual([true, true, false]);
});

it('takes the lock from a stalled holder with an open connection', async () => {
  const hanging = new pg.Client({ connectionString: database.url });
  hanging.on('error', () => undefined);
  await hanging.connect();
  await hanging.query('SELECT pg_advisory_lock(728391, 1047)');
  expect((await server().leading).isLeader).toBe(true);
  await hanging.end();
});

it('waits while the database is unavailable', async () => {
  proxy.cut();
  const { leading } = server(throughProxy());
  expect(await isWaiting(leading)).toBe(true);
  proxy.heal();
  expect((await leading).isLeader).toBe(true);
});

const leaseConnections = async (): Promise<number> => {
  const [row] = await database.sql(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'push-jobs-server lease %'`,
  );
  return row!.count as number;
};
