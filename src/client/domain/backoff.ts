/** How waits between attempts grow. */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Milliseconds to wait after the `failures`-th failure in a row (from 1): doubling, up to the maximum, of which a random
 * half is taken off, so that many clients that failed at one time do not come back at one time. `random` is in [0, 1).
 */
export const backoffMs = (failures: number, { firstMs, maxMs }: BackoffOptions, random: number): number => {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(full * (1 - random / 2));
};
