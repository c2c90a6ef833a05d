import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { type Deferred, deferred } from '../../shared/lib/deferred.js';
import { isNodeDone } from '../../shared/protocol/job-status.js';
import { statementFor } from './batch-statements.js';
import type { BatchWriter, Write, WriterState } from './batch-writer.port.js';
import { bytesOf, coalesce } from './coalesce.js';
import { DATABASE_REFUSED, type Database } from './database.port.js';

/** How much is stored at a time, how much may pile up, and what may wait. */
export interface WriterLimits {
  /** Writes and bytes of one transaction. */
  readonly batchWrites: number;
  readonly batchBytes: number;
  /** From here on the writer calls itself overloaded. */
  readonly heldWrites: number;
  readonly heldBytes: number;
  /** From here on captured output is dropped, so that statuses and events still find room. */
  readonly outputBytes: number;
  /**
   * How long a write may wait for company, in milliseconds; those that are not here do not wait. For events only readers
   * of feeds wait, and what does hurry will mostly follow soon: a job's first vote comes a moment after its start, and
   * should not have to wait for that. Nobody waits until it is stored that a node was seen, or until events are forgotten.
   * That a node has voted or runs waits too: after a restart the node says so again, and of a vote that was not stored
   * nobody was told. Its result, which it tells once, does not wait.
   */
  readonly patienceMs: Readonly<Partial<Record<Write['kind'], number>>>;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: WriterLimits = {
  batchWrites: 2_000,
  batchBytes: 4 * MIB,
  heldWrites: 100_000,
  heldBytes: 64 * MIB,
  outputBytes: 256 * MIB,
  patienceMs: { job_events: 5, org_event: 5, node_seen: 5, node_status: 5, forget_events: 1_000 },
};

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

interface Waiter extends Deferred<undefined> {
  /** Waits for as many writes to be settled. */
  readonly upTo: number;
}

/**
 * Stores writes in batches, one transaction after the other: what is pushed while a batch is in the air goes into
 * the next one, so that batches grow by themselves when the database is slow.
 *
 * Modes, and what ends them:
 * - `idle`: nothing is held. A push starts `writing` with the next turn of the event loop, or `gathering` where it can wait.
 * - `gathering`: only what can wait is held. A push that cannot, or the end of the shortest patience: `writing`.
 * - `writing`: a batch is in the air. Stored: the next batch, `gathering` where all that is left can wait, or `idle`. Bad
 *   data: the batch is halved until the one bad write is alone, which is logged and dropped. Any other fault: `waiting`.
 * - `waiting`: the database is away or out of resources; after 0.1 s, doubled up to 5 s, the same writes again
 *   (`writing`). Nothing is lost; a batch that was stored although its answer got lost does no harm twice.
 * - `closed`: after `drain`. Pushes are dropped and logged.
 */
export class PostgresBatchWriter implements BatchWriter {
  private mode: WriterState['mode'] = 'idle';
  private readonly queue: Write[] = [];
  private bytes = 0;
  private pushed = 0;
  /** So many of the first writes are waited for by those who want them stored. */
  private awaited = 0;
  private settled = 0;
  private dropped = 0;
  private readonly waiters: Waiter[] = [];
  private readonly closing = new AbortController();
  /** When the first of what is held must be on its way, on a clock that never jumps; 0 is at once. */
  private due = Infinity;
  private alarm: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
    private readonly limits: WriterLimits = DEFAULT_LIMITS,
  ) {}

  get overloaded(): boolean {
    return this.pushed - this.settled >= this.limits.heldWrites || this.bytes >= this.limits.heldBytes;
  }

  get state(): WriterState {
    return {
      mode: this.mode,
      writes: this.pushed - this.settled,
      bytes: this.bytes,
      dropped: this.dropped,
    };
  }

  push(write: Write): void {
    if (this.isClosed()) {
      this.drop(write, 'the server is stopping');
      return;
    }
    if (write.kind === 'output' && this.bytes >= this.limits.outputBytes) {
      this.drop(write, 'the database is away and memory is full');
      return;
    }
    this.queue.push(write);
    this.pushed += 1;
    this.bytes += bytesOf(write);
    if (write.kind !== 'forget_events') this.awaited = this.pushed;
    this.dueWithin(this.patienceOf(write));
  }

  async flushed(): Promise<void> {
    if (this.settled >= this.awaited) return;
    if (this.isClosed()) throw lost();
    const waiter: Waiter = { ...deferred(), upTo: this.awaited };
    this.waiters.push(waiter);
    await waiter.promise;
  }

  async drain(timeoutMs: number): Promise<number> {
    if (this.isClosed()) return this.pushed - this.settled;
    const stop = new AbortController();
    const timeout = sleep(timeoutMs, undefined, { signal: stop.signal }).catch(() => undefined); // it was called off
    await Promise.race([this.settle(), timeout]);
    stop.abort();
    this.mode = 'closed';
    this.closing.abort();
    const left = this.pushed - this.settled;
    if (left > 0) this.logger.error({ writes: left }, 'stopped before everything was stored');
    for (const waiter of this.waiters.splice(0)) waiter.reject(lost());
    return left;
  }

  /** Waits until nothing is held, also of what those push who wait for a flush themselves. */
  private async settle(): Promise<void> {
    while (this.settled !== this.pushed) {
      this.awaited = this.pushed;
      this.dueWithin(0);
      await this.flushed();
      await nextTurn();
    }
  }

  private patienceOf(write: Write): number {
    if (write.kind === 'node_status' && isNodeDone(write.status)) return 0;
    return this.limits.patienceMs[write.kind] ?? 0;
  }

  /** Has what is held written within so many milliseconds, or when the batch that is in the air then is stored. */
  private dueWithin(ms: number): void {
    const due = ms === 0 ? 0 : performance.now() + ms;
    if (due >= this.due) return;
    this.due = due;
    if (this.mode === 'idle' || this.mode === 'gathering') this.arrange();
  }

  /** Begins to write now, or when it is due. */
  private arrange(): void {
    clearTimeout(this.alarm);
    const waitMs = this.due - performance.now();
    if (waitMs > 0) {
      this.mode = 'gathering';
      this.alarm = setTimeout(() => this.dueWithin(0), waitMs);
    } else {
      this.mode = 'writing';
      setImmediate(() => void this.run());
    }
  }

  private isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  private async run(): Promise<void> {
    while (this.due <= performance.now() && !this.isClosed()) {
      const { writes, bytes } = this.takeBatch();
      if (!(await this.store(writes))) return; // closed
      this.settled += writes.length;
      this.bytes -= bytes;
      while (this.waiters[0] !== undefined && this.waiters[0].upTo <= this.settled)
        this.waiters.shift()?.resolve(undefined);
    }
    if (this.isClosed()) return;
    if (this.queue.length > 0) this.arrange();
    else this.mode = 'idle';
  }

  /** The oldest writes, as many as one transaction takes but at least one. */
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
    if (this.queue.length === 0) this.due = Infinity;
    return { writes, bytes };
  }

  /** Stores a batch, without those writes that can never be stored; false where the writer was closed before that. */
  private async store(writes: readonly Write[]): Promise<boolean> {
    const pieces = [coalesce(writes)];
    for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
      const outcome = await this.storePiece(piece);
      if (outcome === 'closed') return false;
      if (outcome === 'stored') continue;
      const [only] = piece;
      if (piece.length === 1 && only !== undefined) this.drop(only, outcome.reason);
      else pieces.unshift(piece.slice(0, piece.length / 2), piece.slice(piece.length / 2));
    }
    return true;
  }

  /** Tries until it is stored, is seen to be impossible, or the writer is closed. */
  private async storePiece(writes: readonly Write[]): Promise<'stored' | 'closed' | { reason: string }> {
    let delay = FIRST_RETRY_MS;
    for (;;) {
      try {
        await this.execute(writes);
        if (delay > FIRST_RETRY_MS) this.logger.info('the database is back, writing goes on');
        return 'stored';
      } catch (thrown) {
        if (isRefused(thrown)) return { reason: messageOf(thrown) };
        if (this.isClosed()) return 'closed';
        if (delay === FIRST_RETRY_MS) {
          this.logger.error(
            { reason: messageOf(thrown) },
            'the database does not take writes; they are held',
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

  private async execute(writes: readonly Write[]): Promise<void> {
    const statement = statementFor(writes);
    if (statement !== undefined)
      await this.database.query(statement.sql, statement.parameters, statement.name);
  }

  private drop(write: Write, reason: string): void {
    this.dropped += 1;
    const scope = {
      ...('orgId' in write ? { org: write.orgId } : {}),
      ...('jobId' in write ? { job: write.jobId } : {}),
      ...('node' in write ? { node: write.node } : {}),
    };
    this.logger.error({ ...scope, kind: write.kind, reason }, 'gave a write up');
  }
}

/** Whether these data can never be stored. */
const isRefused = (thrown: unknown): boolean =>
  thrown instanceof AppError && thrown.code === DATABASE_REFUSED;

const lost = (): AppError =>
  new AppError('writes_lost', 'the server stopped before all changes could be stored in the database');
