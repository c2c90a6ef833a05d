import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { type Deferred, deferred } from '../../shared/lib/deferred.js';
import { isNodeDone } from '../../shared/protocol/job-status.js';
import { orgsOf, statementFor } from './batch-statements.js';
import type { BatchWriter, Write, WriterState } from './batch-writer.port.js';
import { bytesOf, coalesce } from './coalesce.js';
import { DATABASE_REFUSED, type Database, NotOwner } from './database.port.js';

/** The sizes of batches and queue, and how long writes may wait. */
export interface WriterLimits {
  /** Maximum writes of one transaction. */
  readonly batchWrites: number;
  /** Maximum bytes of one transaction. */
  readonly batchBytes: number;
  /** The writer is overloaded from this many queued writes on. */
  readonly overloadWrites: number;
  /** The writer is overloaded from this many queued bytes on. */
  readonly overloadBytes: number;
  /** From this many queued bytes on captured output is dropped, so that statuses and events still have room. */
  readonly outputLimitBytes: number;
  /**
   * How long a write may wait so that others can join its batch, in milliseconds; kinds that are missing do not wait.
   * Nothing waits for a node's `seen` time or for deletions of events, and only feed readers wait for events. A vote and
   * the start of a command can wait too: after a restart the node reports them again. A node reports its result only
   * once, so a result does not wait.
   */
  readonly maxLingerMs: Readonly<Partial<Record<Write['kind'], number>>>;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: WriterLimits = {
  batchWrites: 2_000,
  batchBytes: 4 * MIB,
  overloadWrites: 100_000,
  overloadBytes: 64 * MIB,
  outputLimitBytes: 256 * MIB,
  maxLingerMs: { job_events: 5, org_event: 5, node_seen: 5, node_status: 5, delete_events: 1_000 },
};

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

/** Why a write is dropped; with the stack of a bug. */
interface Fault {
  readonly reason: string;
  readonly stack?: string;
}

interface FlushWaiter extends Deferred<undefined> {
  /** The flush is complete when this many writes are done. */
  readonly upTo: number;
}

/**
 * Stores writes in batches, one transaction after the other. Writes that are pushed during a transaction go into the
 * next one, so batches grow when the database is slow.
 *
 * Modes and their exits:
 * - `idle`: the queue is empty. A push leads to `writing` in the next turn of the event loop, or to `gathering` if it may
 *   linger.
 * - `gathering`: all queued writes may linger. A push that may not, or the end of the shortest linger: `writing`.
 * - `writing`: a transaction is in progress. Stored: the next batch, `gathering` if all writes left may linger, or `idle`.
 *   Bad data, or a bug of ours (a TypeError): the batch is halved until the write is alone, which is logged and dropped;
 *   after a bug only if the database runs another statement, else the bug is not about this write: `waiting`. Any other
 *   error: `waiting`.
 * - `waiting`: the database is unavailable or out of resources. The same writes are retried (`writing`) after 0.1 s,
 *   doubled up to 5 s. Writes are idempotent, so a batch that was stored although its reply was lost may run again.
 * - `closed`: after `drain`, or another server owns an organization whose changes are queued. Pushes are logged and dropped.
 */
export class PostgresBatchWriter implements BatchWriter {
  private mode: WriterState['mode'] = 'idle';
  private readonly queue: Write[] = [];
  private bytes = 0;
  /** How many writes were pushed so far, and how many of them are stored or dropped. */
  private pushed = 0;
  private done = 0;
  /** How many of the pushed writes must be done for a flush that starts now. */
  private flushTarget = 0;
  private dropped = 0;
  private readonly waiters: FlushWaiter[] = [];
  private readonly closing = new AbortController();
  /** When the next batch must start, on the monotonic clock; 0 is at once. */
  private flushDue = Infinity;
  private lingerTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
    private readonly limits: WriterLimits = DEFAULT_LIMITS,
  ) {}

  get overloaded(): boolean {
    const { overloadWrites, overloadBytes } = this.limits;
    return this.pushed - this.done >= overloadWrites || this.bytes >= overloadBytes;
  }

  get state(): WriterState {
    return {
      mode: this.mode,
      writes: this.pushed - this.done,
      bytes: this.bytes,
      dropped: this.dropped,
    };
  }

  push(write: Write): void {
    if (this.isClosed()) {
      this.drop(write, 'the server is stopping');
      return;
    }
    if (write.kind === 'output' && this.bytes >= this.limits.outputLimitBytes) {
      this.drop(write, 'the database is unavailable and the queue is full');
      return;
    }
    this.queue.push(write);
    this.pushed += 1;
    this.bytes += bytesOf(write);
    if (write.kind !== 'delete_events') this.flushTarget = this.pushed;
    this.scheduleFlush(this.lingerOf(write));
  }

  async flush(): Promise<void> {
    if (this.done >= this.flushTarget) return;
    if (this.isClosed()) throw lost();
    const waiter: FlushWaiter = { ...deferred(), upTo: this.flushTarget };
    this.waiters.push(waiter);
    await waiter.promise;
  }

  async drain(timeoutMs: number): Promise<number> {
    if (this.isClosed()) return this.pushed - this.done;
    const stop = new AbortController();
    const timeout = sleep(timeoutMs, undefined, { signal: stop.signal }).catch(() => undefined); // aborted below
    await Promise.race([this.flushAll(), timeout]);
    stop.abort();
    return this.isClosed() ? this.pushed - this.done : this.close('stopped before everything was stored');
  }

  /** Gives up what is queued; returns how many writes that are. */
  private close(reason: string): number {
    this.mode = 'closed';
    this.closing.abort();
    const left = this.pushed - this.done;
    if (left > 0) this.logger.error({ writes: left }, reason);
    for (const waiter of this.waiters.splice(0)) waiter.reject(lost());
    return left;
  }

  /** Waits until the queue is empty, including writes that are pushed after a flush by code that waited for it. */
  private async flushAll(): Promise<void> {
    while (this.done !== this.pushed) {
      this.flushTarget = this.pushed;
      this.scheduleFlush(0);
      await this.flush();
      await nextTurn();
    }
  }

  private lingerOf(write: Write): number {
    if (write.kind === 'node_status' && isNodeDone(write.status)) return 0;
    return this.limits.maxLingerMs[write.kind] ?? 0;
  }

  /** Starts the next batch within `ms`, or after the transaction that is in progress then. */
  private scheduleFlush(ms: number): void {
    const due = ms === 0 ? 0 : performance.now() + ms;
    if (due >= this.flushDue) return;
    this.flushDue = due;
    if (this.mode === 'idle' || this.mode === 'gathering') this.rearm();
  }

  /** Starts writing if the flush is due, and else sets the timer for it. */
  private rearm(): void {
    clearTimeout(this.lingerTimer);
    const waitMs = this.flushDue - performance.now();
    if (waitMs > 0) {
      this.mode = 'gathering';
      this.lingerTimer = setTimeout(() => this.scheduleFlush(0), waitMs);
    } else {
      this.mode = 'writing';
      setImmediate(() => void this.run());
    }
  }

  private isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  private async run(): Promise<void> {
    while (this.flushDue <= performance.now() && !this.isClosed()) {
      const { writes, bytes } = this.takeBatch();
      if (!(await this.store(writes))) return; // closed
      this.done += writes.length;
      this.bytes -= bytes;
      while (this.waiters[0] !== undefined && this.waiters[0].upTo <= this.done)
        this.waiters.shift()?.resolve(undefined);
    }
    if (this.isClosed()) return;
    if (this.queue.length > 0) this.rearm();
    else this.mode = 'idle';
  }

  /** Takes the oldest writes: as many as one transaction may contain, but at least one. */
  private takeBatch(): { writes: Write[]; bytes: number } {
    let count = 0;
    let bytes = 0;
    for (const write of this.queue) {
      const more = bytesOf(write);
      if (count > 0 && (count >= this.limits.batchWrites || bytes + more > this.limits.batchBytes)) break;
      count += 1;
      bytes += more;
    }
    const writes = this.queue.splice(0, count);
    if (this.queue.length === 0) this.flushDue = Infinity;
    return { writes, bytes };
  }

  /** Stores a batch and drops its bad writes; returns false if the writer was closed before that. */
  private async store(writes: readonly Write[]): Promise<boolean> {
    const pieces = [writes];
    for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
      const outcome = await this.storePiece(piece);
      if (outcome === 'closed') return false;
      if (outcome === 'stored') continue;
      const [only] = piece;
      if (piece.length === 1 && only !== undefined) this.drop(only, outcome.reason, outcome.stack);
      else pieces.unshift(piece.slice(0, piece.length / 2), piece.slice(piece.length / 2));
    }
    return true;
  }

  /** Retries until the writes are stored, cannot be stored together (`Fault`), or the writer is closed. */
  private async storePiece(writes: readonly Write[]): Promise<'stored' | 'closed' | Fault> {
    let delay = FIRST_RETRY_MS;
    for (;;) {
      try {
        await this.execute(writes);
        if (delay > FIRST_RETRY_MS) this.logger.info('the database is available again; writing continues');
        return 'stored';
      } catch (thrown) {
        const fault = await this.faultOfWrites(thrown, writes);
        if (fault !== undefined) return fault;
        if (this.isClosed()) return 'closed';
        if (thrown instanceof NotOwner) {
          this.close('gave up the changes that are not stored, because another server has taken over');
          return 'closed';
        }
        if (delay === FIRST_RETRY_MS) {
          this.logger.error(
            { reason: messageOf(thrown) },
            'the database does not accept writes; they stay queued',
          );
        }
      }
      this.mode = 'waiting';
      await sleep(delay, undefined, { signal: this.closing.signal }).catch(() => undefined); // closed meanwhile
      if (this.isClosed()) return 'closed';
      this.mode = 'writing';
      delay = Math.min(delay * 2, LAST_RETRY_MS);
    }
  }

  /** Returns why these writes can never be stored together; undefined if they are not to blame. */
  private async faultOfWrites(thrown: unknown, writes: readonly Write[]): Promise<Fault | undefined> {
    if (thrown instanceof AppError) {
      return thrown.code === DATABASE_REFUSED ? { reason: messageOf(thrown) } : undefined;
    }
    const isToBlame = writes.length > 1 || (await this.canQuery());
    const stack = thrown instanceof Error ? thrown.stack : undefined;
    return isToBlame ? { reason: messageOf(thrown), ...(stack === undefined ? {} : { stack }) } : undefined;
  }

  private async canQuery(): Promise<boolean> {
    try {
      await this.database.query('SELECT 1');
      return true;
    } catch {
      return false; // the writes are tried again, and then the reason is logged
    }
  }

  private async execute(writes: readonly Write[]): Promise<void> {
    const { ownership } = this.database;
    const changes = coalesce(writes);
    const orgIds = orgsOf(changes);
    const fences = await ownership.fencesOf(orgIds);
    const owned = orgIds.map((orgId, at) => ({ orgId, fence: fences[at] ?? '' }));
    const statement = statementFor(changes, owned);
    if (statement === undefined) return;
    const rows = await this.database.query(statement.sql, statement.parameters, statement.name);
    ownership.check(rows, owned.length);
  }

  private drop(write: Write, reason: string, stack?: string): void {
    this.dropped += 1;
    const names = {
      ...('orgId' in write ? { org: write.orgId } : {}),
      ...('jobId' in write ? { job: write.jobId } : {}),
      ...('node' in write ? { node: write.node } : {}),
    };
    const bug = stack === undefined ? {} : { stack };
    this.logger.error({ ...names, kind: write.kind, reason, ...bug }, 'dropped a write');
  }
}

const lost = (): AppError =>
  new AppError('writes_lost', 'the server stopped before all changes could be stored in the database');
