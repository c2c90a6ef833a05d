import { messageOf } from '../../src/shared/lib/app-error.js';

/** How long to retry, and how often. */
export interface EventuallyOptions {
  /** Give up after this many milliseconds (default 40,000, so that a busy machine fails no test). */
  readonly withinMs?: number;
  /** Wait this many milliseconds between two tries (default 20). */
  readonly everyMs?: number;
}

/**
 * Calls `probe` until it neither throws nor returns `false` or `undefined`, and returns its value. After the deadline
 * it throws, with the last reason in the message. Use it instead of a sleep.
 */
export const eventually = async <T>(
  probe: () => T | Promise<T>,
  { withinMs = 40_000, everyMs = 20 }: EventuallyOptions = {},
): Promise<Exclude<T, false | undefined>> => {
  const deadline = performance.now() + withinMs;
  for (;;) {
    let reason: unknown;
    try {
      const value = await probe();
      if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
      reason = `the last value was ${String(value)}`;
    } catch (thrown) {
      reason = thrown;
    }
    if (performance.now() >= deadline) {
      throw new Error(`did not happen within ${withinMs} ms: ${messageOf(reason)}`, { cause: reason });
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
};
