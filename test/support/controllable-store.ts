import { type Deferred, deferred } from '../../src/shared/lib/deferred.js';

/** A test double of a store; the test decides when a batch becomes durable or fails. */
export class ControllableStore<Entry> {
  /** All batches so far, in order. */
  readonly batches: (readonly Entry[])[] = [];
  private readonly pending: Deferred<void>[] = [];

  readonly store = (batch: readonly Entry[]): Promise<void> => {
    this.batches.push(batch);
    const { promise, ...complete } = deferred();
    this.pending.push({ promise, ...complete });
    return promise;
  };

  /** Number of batches that are neither durable nor failed. */
  get pendingCount(): number {
    return this.pending.length;
  }

  /** Makes a pending batch durable, the oldest by default; resolves when its waiters have continued. */
  async settle(place = 0): Promise<void> {
    this.pending.splice(place, 1)[0]?.resolve();
    await nextEventLoopTurn();
  }

  /** Fails the oldest pending batch. */
  async fail(reason: Error): Promise<void> {
    this.pending.shift()?.reject(reason);
    await nextEventLoopTurn();
  }
}

/** Resolves in the next turn of the event loop, after all pending promise callbacks. */
export const nextEventLoopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
