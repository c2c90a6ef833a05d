import { setImmediate as nextTurn } from 'node:timers/promises';

/** Milliseconds that a slice may keep everything else waiting. */
const SLICE_MS = 10;

/** How many items are handled between two looks at the clock. */
const LOOK_EVERY = 64;

/** Calls `step` for each item in their order; all else gets its turn after each slice. Rejects with what `step` throws. */
export const forEachInSlices = async <T>(items: Iterable<T>, step: (item: T) => void): Promise<void> => {
  let end = performance.now() + SLICE_MS;
  let count = 0;
  for (const item of items) {
    step(item);
    if (++count % LOOK_EVERY !== 0 || performance.now() <= end) continue;
    await nextTurn();
    end = performance.now() + SLICE_MS;
  }
};
