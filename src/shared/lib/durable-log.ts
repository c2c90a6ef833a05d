/**
 * Entries in order, each stored before a reader sees it.
 *
 * What is appended in one turn of the event loop is handed to the store together, in that same turn: so it lands beside
 * whatever else the turn stores. Modes: open (batches are on their way, and shown in order as they become durable),
 * closed (no entry comes any more; readers end when all are shown and read), broken (a batch was not stored: nothing is
 * shown any more, or readers would see a gap, and they end when they have read what is there).
 */
export class DurableLog<Entry> {
  private readonly shown: Entry[];
  private readonly wakers = new Set<() => void>();
  private gathered: Entry[] = [];
  private onTheWay = 0;
  private lastShown = Promise.resolve();
  private closed = false;
  private broken = false;
  /** How many entries were forgotten: the place of `shown[0]`. */
  private forgotten = 0;

  /** `store` resolves when a batch is durable; `earlier` is stored already; `onFault` hears why storing failed. */
  constructor(
    private readonly store: (batch: readonly Entry[]) => Promise<void>,
    private readonly onFault: (thrown: unknown) => void,
    earlier: readonly Entry[] = [],
  ) {
    this.shown = [...earlier];
  }

  /** All entries that are shown and not forgotten, oldest first. */
  get entries(): readonly Entry[] {
    return this.shown;
  }

  append(entry: Entry): void {
    this.gathered.push(entry);
    if (this.gathered.length === 1) queueMicrotask(() => this.handOver());
  }

  /** No entry comes any more. */
  close(): void {
    this.closed = true;
    this.wake();
  }

  /** Forgets the oldest entries as long as `isOld` says so. */
  forget(isOld: (entry: Entry) => boolean): void {
    const firstToKeep = this.shown.findIndex((entry) => !isOld(entry));
    const count = firstToKeep === -1 ? this.shown.length : firstToKeep;
    this.shown.splice(0, count);
    this.forgotten += count;
  }

  /** Reads on from the entry at `index` of `entries`; all that is there then and all that comes, without a gap. */
  readFrom(index: number): Cursor<Entry> {
    return new LogCursor(this, this.forgotten + index);
  }

  /** The entry at a place counted from the very first one; undefined where it is not there yet, or forgotten. */
  at(place: number): Entry | undefined {
    return this.shown[place - this.forgotten];
  }

  /** The place of the oldest entry that is not forgotten. */
  get firstPlace(): number {
    return this.forgotten;
  }

  /** Whether an entry at this place or behind it may still come. */
  mayReach(place: number): boolean {
    const complete = this.broken || (this.closed && this.onTheWay === 0 && this.gathered.length === 0);
    return !complete || place < this.forgotten + this.shown.length;
  }

  /** Calls `wake` once when something changes; hands back how to take that back. */
  onChange(wake: () => void): () => void {
    this.wakers.add(wake);
    return () => this.wakers.delete(wake);
  }

  private handOver(): void {
    const batch = this.gathered;
    this.gathered = [];
    this.onTheWay++;
    const stored = Promise.allSettled([this.store(batch)]);
    this.lastShown = this.lastShown.then(async () => {
      const [outcome] = await stored;
      this.onTheWay--;
      if (outcome.status === 'fulfilled') this.show(batch);
      else this.breakOff(outcome.reason);
      this.wake();
    });
  }

  private show(batch: readonly Entry[]): void {
    if (this.broken) return;
    for (const entry of batch) this.shown.push(entry);
  }

  private breakOff(reason: unknown): void {
    if (!this.broken) this.onFault(reason);
    this.broken = true;
  }

  private wake(): void {
    const waiting = [...this.wakers];
    this.wakers.clear();
    for (const wake of waiting) wake();
  }
}

/** Reads a log at its own pace; it costs the log nothing but a place in a list. */
export interface Cursor<Entry> {
  /** The next entry, or undefined where there is none now. */
  next(): Entry | undefined;
  /** Whether all entries were read and none will follow. */
  readonly ended: boolean;
  /** Whether entries that were not read yet have been forgotten. */
  readonly lost: boolean;
  /** Calls `wake` once, when something has changed since `next` had nothing. */
  onMore(wake: () => void): void;
  close(): void;
}

class LogCursor<Entry> implements Cursor<Entry> {
  private stopWaiting: (() => void) | undefined;

  constructor(
    private readonly log: DurableLog<Entry>,
    private place: number,
  ) {}

  get ended(): boolean {
    return !this.log.mayReach(this.place);
  }

  get lost(): boolean {
    return this.place < this.log.firstPlace;
  }

  next(): Entry | undefined {
    const entry = this.log.at(this.place);
    if (entry !== undefined) this.place++;
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
