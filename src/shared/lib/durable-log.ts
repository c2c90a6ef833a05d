/**
 * An ordered log. Readers see an entry only after it is stored.
 *
 * All entries that are appended in one turn of the event loop go to the store as one batch, in the same turn, together
 * with everything else that this turn stores.
 *
 * Modes: open (batches become visible in order when they are stored), closed (no entry follows; readers end after the
 * last one), broken (a batch could not be stored; no later entry becomes visible, because readers would see a gap, and
 * readers end after the last visible one).
 */
export class DurableLog<Entry> {
  private readonly visible: Entry[];
  private readonly wakers = new Set<() => void>();
  private pending: Entry[] = [];
  private batchesInFlight = 0;
  private lastBatchShown = Promise.resolve();
  private closed = false;
  private broken = false;
  /** Number of evicted entries: the position of `visible[0]`. */
  private evicted = 0;

  /** `store` resolves when a batch is durable; `onFault` gets the reason if storing fails; `earlier` is stored already. */
  constructor(
    private readonly store: (batch: readonly Entry[]) => Promise<void>,
    private readonly onFault: (thrown: unknown) => void,
    earlier: readonly Entry[] = [],
  ) {
    this.visible = [...earlier];
  }

  /** The visible entries that are not evicted, oldest first. */
  get entries(): readonly Entry[] {
    return this.visible;
  }

  append(entry: Entry): void {
    this.pending.push(entry);
    if (this.pending.length === 1) queueMicrotask(() => this.storePending());
  }

  /** Declares that no entry follows. */
  close(): void {
    this.closed = true;
    this.wake();
  }

  /** Evicts the oldest entries up to the first for which `isOld` is false. */
  evict(isOld: (entry: Entry) => boolean): void {
    const firstToKeep = this.visible.findIndex((entry) => !isOld(entry));
    const count = firstToKeep === -1 ? this.visible.length : firstToKeep;
    this.visible.splice(0, count);
    this.evicted += count;
  }

  /** Reads all entries from `index` of `entries` on, also future ones, without a gap. */
  readFrom(index: number): Cursor<Entry> {
    return new LogCursor(this, this.evicted + index);
  }

  /** The entry at a position, counted from the first entry ever; undefined if it is not visible yet or evicted. */
  at(position: number): Entry | undefined {
    return this.visible[position - this.evicted];
  }

  /** The position of the oldest entry that is not evicted. */
  get firstPosition(): number {
    return this.evicted;
  }

  /** Whether an entry at this position or later can still become visible. */
  mayHaveEntryAt(position: number): boolean {
    const complete = this.broken || (this.closed && this.batchesInFlight === 0 && this.pending.length === 0);
    return !complete || position < this.evicted + this.visible.length;
  }

  /** Calls `wake` once at the next change; the returned function cancels that. */
  onChange(wake: () => void): () => void {
    this.wakers.add(wake);
    return () => this.wakers.delete(wake);
  }

  private storePending(): void {
    const batch = this.pending;
    this.pending = [];
    this.batchesInFlight++;
    const stored = Promise.allSettled([this.store(batch)]);
    this.lastBatchShown = this.lastBatchShown.then(async () => {
      const [outcome] = await stored;
      this.batchesInFlight--;
      try {
        if (outcome.status === 'fulfilled') this.show(batch);
        else this.markBroken(outcome.reason);
      } finally {
        this.wake();
      }
    });
  }

  private show(batch: readonly Entry[]): void {
    if (this.broken) return;
    for (const entry of batch) this.visible.push(entry);
  }

  private markBroken(reason: unknown): void {
    if (this.broken) return;
    this.broken = true;
    this.onFault(reason);
  }

  private wake(): void {
    const waiting = [...this.wakers];
    this.wakers.clear();
    for (const wake of waiting) {
      try {
        wake();
      } catch (thrown) {
        // A reader must not stop the others; the error counts as unhandled.
        queueMicrotask(() => {
          throw thrown;
        });
      }
    }
  }
}

/** Reads a log at its own pace. */
export interface Cursor<Entry> {
  /** Returns the next entry, or undefined if there is none now. */
  next(): Entry | undefined;
  /** Whether all entries are read and none will follow. */
  readonly ended: boolean;
  /** Whether unread entries were evicted. */
  readonly hasMissedEntries: boolean;
  /** Calls `wake` once at the next change of the log. */
  onMore(wake: () => void): void;
  close(): void;
}

class LogCursor<Entry> implements Cursor<Entry> {
  private stopWaiting: (() => void) | undefined;

  constructor(
    private readonly log: DurableLog<Entry>,
    private position: number,
  ) {}

  get ended(): boolean {
    return !this.log.mayHaveEntryAt(this.position);
  }

  get hasMissedEntries(): boolean {
    return this.position < this.log.firstPosition;
  }

  next(): Entry | undefined {
    const entry = this.log.at(this.position);
    if (entry !== undefined) this.position++;
    return entry;
  }

  onMore(wake: () => void): void {
    this.close();
    this.stopWaiting = this.log.onChange(wake);
  }

  close(): void {
    this.stopWaiting?.();
  }
}
