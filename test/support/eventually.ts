import { messageOf } from '../../src/shared/lib/app-error.js';

/** How long to go on asking, and how often. */
export interface EventuallyOptions {
  /** Give up after this many milliseconds (default 20,000). */
  readonly withinMs?: number;
  /** Ask again after this many milliseconds (default 20). */
  readonly everyMs?: number;
}

/**
 * Asks `probe` again and again until it neither throws nor answers `false` or `undefined`, and hands back its answer.
 * After the deadline it throws, with the last reason in the message. In place of a sleep: it ends as soon as it can.
 */
export const eventually = async <T>(
  probe: () => T | Promise<T>,
  { withinMs = 20_000, everyMs = 20 }: EventuallyOptions = {},
): Promise<Exclude<T, false | undefined>> => {
  const deadline = performance.now() + withinMs;
  for (;;) {
    let reason: unknown;
    try {
      const answer = await probe();
      if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
      reason = `the last answer was ${String(answer)}`;
    } catch (thrown) {
      reason = thrown;
    }
    if (performance.now() >= deadline) {
      throw new Error(`not so within ${withinMs} ms: ${messageOf(reason)}`, { cause: reason });
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
};
