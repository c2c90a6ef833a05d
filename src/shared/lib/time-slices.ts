import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long a slice of work may block the event loop. */
export interface SliceLimits {
  readonly sliceMs: number;
  /** The clock is read after this many steps. */
  readonly stepsPerClockRead: number;
}

const DEFAULT_LIMITS: SliceLimits = { sliceMs: 10, stepsPerClockRead: 16 };

/**
 * Calls `step` until it returns false because nothing is left, or until the slice is over. Returns whether something may
 * be left. `now` is a monotonic clock in milliseconds.
 */
export const runSlice = (
  step: () => boolean,
  { sliceMs, stepsPerClockRead } = DEFAULT_LIMITS,
  now: () => number = () => performance.now(),
): boolean => {
  const end = now() + sliceMs;
  for (let steps = 1; step(); steps++) {
    if (steps % stepsPerClockRead === 0 && now() > end) return true;
  }
  return false;
};

/** Calls `handle` for each item in order, and yields to the event loop after each slice. Rejects with what `handle` throws. */
export const forEachInSlices = async <T>(items: Iterable<T>, handle: (item: T) => void): Promise<void> => {
  const iterator = items[Symbol.iterator]();
  const step = (): boolean => {
    const next = iterator.next();
    if (next.done === true) return false;
    handle(next.value);
    return true;
  };
  while (runSlice(step)) await nextTurn();
};

/** Does one slice of a long task; returns whether more is left. */
export type SlicedTask = () => boolean;

/** Runs long tasks round-robin: one slice of one task per turn of the event loop. */
export class SliceScheduler {
  private readonly tasks: SlicedTask[] = [];
  private turn: NodeJS.Immediate | undefined;

  /** Adds a task. Its first slice runs in the next turn at the earliest. */
  add(task: SlicedTask): void {
    this.tasks.push(task);
    this.turn ??= setImmediate(() => this.runNext());
  }

  private runNext(): void {
    this.turn = undefined;
    const task = this.tasks.shift();
    if (task === undefined) return;
    // Before the task runs: a task that throws must not stop the others.
    if (this.tasks.length > 0) this.turn = setImmediate(() => this.runNext());
    if (task()) this.add(task);
  }
}
