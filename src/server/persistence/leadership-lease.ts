import { hostname, uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Leadership } from '../config/leadership.port.js';
import { messageOf } from '../../shared/lib/app-error.js';
import type { Connection } from './connection-options.js';
import { IS_HELD_LEASE, LEASE_LOCK, leaseName } from './lease-connections.js';

/** The timings of a lease, in milliseconds. */
export interface LeaseTimings {
  /** How often the leader renews, and how often a standby tries to acquire. */
  readonly interval: number;
  /** How long the leader may act after it asked for the renewal that succeeded last. */
  readonly validity: number;
  /** A standby ends the connection of a leader that has not renewed for this long; greater than `validity`. */
  readonly stalledAfter: number;
}

export const LEASE_TIMINGS: LeaseTimings = { interval: 750, validity: 3000, stalledAfter: 6000 };

/**
 * Ends the connection of a stalled leader, since a machine that hangs keeps its connection and so the lock. Each renewal
 * is a statement, so `state_change` is the time of the last one.
 */
const END_STALLED = `
  SELECT pg_terminate_backend(a.pid) AS ended
  FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE ${IS_HELD_LEASE}
    AND clock_timestamp() - a.state_change > $3 * interval '1 millisecond'`;

/** One moment on three clocks, in milliseconds. */
interface Moment {
  /** Nobody can set this clock, but it stops while the machine sleeps. */
  readonly awake: number;
  /** This clock continues while the machine sleeps, but users can set it. */
  readonly wall: number;
  /** This clock continues and cannot be set, but reading it costs a file access. */
  readonly booted: number;
}

const now = (): Moment => ({ awake: performance.now(), wall: Date.now(), booted: uptime() * 1000 });

/** Whether the moment is less than `ms` ago, even if the machine slept or its clock was set meanwhile. */
const isWithin = (ms: number, { awake, wall, booted }: Moment): boolean =>
  performance.now() - awake < ms && (Date.now() - wall < ms || uptime() * 1000 - booted < ms);

/**
 * The leadership of several servers on one database, held by a PostgreSQL advisory lock on a connection of its own.
 *
 * Modes: held (renewed at each interval); lost (the connection ended, or no renewal succeeded in time; `onLost` is called
 * once, and this mode is final); released.
 */
export class LeadershipLease implements Leadership {
  private timer: NodeJS.Timeout;
  private isOver = false;

  private constructor(
    private readonly client: pg.Client,
    /** When the last renewal that succeeded was requested. */
    private renewedAt: Moment,
    private readonly timings: LeaseTimings,
    private readonly onLost: (reason: string) => void,
  ) {
    this.timer = setTimeout(() => void this.renew(), timings.interval);
    client.on('error', (error: Error) => this.lose(messageOf(error)));
    client.on('end', () => this.lose('the connection to the database ended'));
  }

  /**
   * Waits until this server is the leader, and also while the database is unavailable. After it gets the lock it waits for
   * the validity of a lease, because the previous leader may not know yet that it has lost the lock.
   */
  static async acquire(
    connection: Connection,
    logger: Logger,
    onLost: (reason: string) => void,
    timings: LeaseTimings = LEASE_TIMINGS,
  ): Promise<LeadershipLease> {
    logger.info('standing by until no other server is active on the database');
    for (;;) {
      const client = newClient(connection, timings);
      try {
        await client.connect();
        const lockedAt = await waitForLock(client, logger, timings);
        const lease = new LeadershipLease(client, lockedAt, timings, onLost);
        await sleep(timings.validity);
        logger.info('this server is the active one now');
        return lease;
      } catch (thrown) {
        logger.warn({ reason: messageOf(thrown) }, 'cannot ask the database for the lease; trying again');
        await client.end();
        await sleep(timings.interval);
      }
    }
  }

  /** Depends on clocks, not on a timer, so a process that was suspended finds that its lease has expired. */
  get isLeader(): boolean {
    return !this.isOver && isWithin(this.timings.validity, this.renewedAt);
  }

  /** Lets another server become the leader. */
  async release(): Promise<void> {
    this.isOver = true;
    clearTimeout(this.timer);
    await this.client.end();
  }

  resign(reason: string): void {
    this.lose(reason);
  }

  private async renew(): Promise<void> {
    if (!this.isLeader) {
      this.lose('it was not renewed in time');
      return;
    }
    const requestedAt = now();
    try {
      await this.client.query('SELECT 1');
    } catch (thrown) {
      this.lose(messageOf(thrown));
      return;
    }
    this.renewedAt = requestedAt;
    if (!this.isOver) this.timer = setTimeout(() => void this.renew(), this.timings.interval);
  }

  private lose(reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.timer);
    this.onLost(reason);
  }
}

const newClient = (
  { target: _target, username, ...rest }: Connection,
  { validity }: LeaseTimings,
): pg.Client => {
  const client = new pg.Client({
    ...rest,
    user: username,
    application_name: leaseName(process.pid, hostname()),
    keepAlive: true,
    connectionTimeoutMillis: validity,
    query_timeout: validity,
  });
  // A broken connection also rejects the query in progress, and its caller handles that.
  client.on('error', () => undefined);
  return client;
};

/** Retries until this server has the lock; returns the time before the statement that got it. */
const waitForLock = async (client: pg.Client, logger: Logger, timings: LeaseTimings): Promise<Moment> => {
  for (;;) {
    const requestedAt = now();
    const { rows } = await client.query<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock($1, $2) AS locked',
      [...LEASE_LOCK],
    );
    if (rows[0]?.locked === true) return requestedAt;
    const stalled = await client.query(END_STALLED, [...LEASE_LOCK, timings.stalledAfter]);
    if (stalled.rowCount !== 0) logger.warn('the active server has stalled; ended its connection');
    await sleep(timings.interval);
  }
};
