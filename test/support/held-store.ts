import { type Deferred, deferred } from '../../src/shared/lib/deferred.js';

/** A double of a store whose batches become durable, or fail, when the test says so. */
export class HeldStore<Entry> {
  /** What was handed over, in order. */
  readonly batches: (readonly Entry[])[] = [];
  private readonly open: Deferred<void>[] = [];

  readonly store = (batch: readonly Entry[]): Promise<void> => {
    this.batches.push(batch);
    const { promise, ...settle } = deferred();
    this.open.push({ promise, ...settle });
    return promise;
  };

  /** How many batches are neither durable nor failed. */
  get waiting(): number {
    return this.open.length;
  }

  /** Lets the batch at this place of those that wait become durable; resolves when whoever waits for it has gone on. */
  async settle(place = 0): Promise<void> {
    this.open.splice(place, 1)[0]?.resolve();
    await turn();
  }

  /** Lets the oldest batch that waits fail. */
  async fail(reason: Error): Promise<void> {
    this.open.shift()?.reject(reason);
    await turn();
  }
}

/** Resolves in the next turn of the event loop, when all that was promised has been done. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
