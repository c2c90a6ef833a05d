import { hostname, uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Activity } from '../config/leadership.port.js';
import { messageOf } from '../../shared/lib/app-error.js';
import type { Connection } from './connection-options.js';
import { IS_HELD_LEASE, LEASE_LOCK, leaseName } from './lease-connections.js';

/** How a lease is kept and lost; all in milliseconds. */
export interface LeaseTimings {
  /** How often the active server renews, and a standby tries. */
  readonly interval: number;
  /** For so long after a renewal was asked for the active server may act. */
  readonly validity: number;
  /** A standby ends the connection of an active server that has not renewed for so long; above `validity`. */
  readonly stalled: number;
}

export const LEASE_TIMINGS: LeaseTimings = { interval: 750, validity: 3000, stalled: 6000 };

/**
 * Ends the connection of a holder that has stalled: a machine that hangs keeps its connection, and so the lock. Each
 * renewal is a statement, so `state_change` tells when the last one was.
 */
const END_STALLED = `
  SELECT pg_terminate_backend(a.pid) AS ended
  FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE ${IS_HELD_LEASE}
    AND clock_timestamp() - a.state_change > $3 * interval '1 millisecond'`;

/** A moment on three clocks, in milliseconds. */
interface Moment {
  /** Cannot be set, but stands still while the machine sleeps. */
  readonly awake: number;
  /** Goes on while the machine sleeps, but can be set. */
  readonly wall: number;
  /** Goes on and cannot be set, but to read it costs a file. */
  readonly booted: number;
}

const now = (): Moment => ({ awake: performance.now(), wall: Date.now(), booted: uptime() * 1000 });

/** Whether it was less than so many milliseconds ago, also where the machine slept or its clock was set. */
const isWithin = (ms: number, { awake, wall, booted }: Moment): boolean =>
  performance.now() - awake < ms && (Date.now() - wall < ms || uptime() * 1000 - booted < ms);

/**
 * The right to act, for the one of several servers on a database that holds a PostgreSQL advisory lock on a connection
 * of its own.
 *
 * Modes: held (renewed again and again), lost (the connection is gone, or no renewal came through in time; `onLost` is
 * called once, and there is no way back), released.
 */
export class ActiveLease implements Activity {
  private timer: NodeJS.Timeout;
  private over = false;

  private constructor(
    private readonly client: pg.Client,
    /** When the last renewal that came through was asked for. */
    private renewedAt: Moment,
    private readonly timings: LeaseTimings,
    private readonly onLost: (reason: string) => void,
  ) {
    this.timer = setTimeout(() => void this.renew(), timings.interval);
    client.on('error', (error: Error) => this.lose(messageOf(error)));
    client.on('end', () => this.lose('the connection to the database ended'));
  }

  /**
   * Waits until this server is the active one; a database that is away is waited for too. Once it has the lock it waits
   * for as long as a lease is valid: whoever had it before may not know yet that it is lost.
   */
  static async acquire(
    connection: Connection,
    logger: Logger,
    onLost: (reason: string) => void,
    timings: LeaseTimings = LEASE_TIMINGS,
  ): Promise<ActiveLease> {
    logger.info('standing by until no other server is active on the database');
    for (;;) {
      const client = newClient(connection, timings);
      try {
        await client.connect();
        const lockedAt = await waitForLock(client, logger, timings);
        const lease = new ActiveLease(client, lockedAt, timings, onLost);
        await sleep(timings.validity);
        logger.info('this server is the active one now');
        return lease;
      } catch (thrown) {
        logger.warn({ reason: messageOf(thrown) }, 'cannot ask the database who is active; trying again');
        await client.end();
        await sleep(timings.interval);
      }
    }
  }

  /** Time goes on while a process is stopped or its machine sleeps, so one that wakes up late finds that it may not act. */
  get isActive(): boolean {
    return !this.over && isWithin(this.timings.validity, this.renewedAt);
  }

  /** Lets another server become active. */
  async release(): Promise<void> {
    this.over = true;
    clearTimeout(this.timer);
    await this.client.end();
  }

  private async renew(): Promise<void> {
    if (!this.isActive) {
      this.lose('it was not renewed in time');
      return;
    }
    const askedAt = now();
    try {
      await this.client.query('SELECT 1');
    } catch (thrown) {
      this.lose(messageOf(thrown));
      return;
    }
    this.renewedAt = askedAt;
    if (!this.over) this.timer = setTimeout(() => void this.renew(), this.timings.interval);
  }

  private lose(reason: string): void {
    if (this.over) return;
    this.over = true;
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
  client.on('error', toldByTheQuery);
  return client;
};

/** A connection that breaks fails the query under way too; whoever waits for that hears why. */
const toldByTheQuery = (): undefined => undefined;

/** Tries until the lock is ours; gives the time before the statement that got it. */
const waitForLock = async (client: pg.Client, logger: Logger, timings: LeaseTimings): Promise<Moment> => {
  for (;;) {
    const askedAt = now();
    const { rows } = await client.query<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock($1, $2) AS locked',
      [...LEASE_LOCK],
    );
    if (rows[0]?.locked === true) return askedAt;
    const stalled = await client.query(END_STALLED, [...LEASE_LOCK, timings.stalled]);
    if (stalled.rowCount !== 0) logger.warn('the active server has stalled; its connection was ended');
    await sleep(timings.interval);
  }
};
