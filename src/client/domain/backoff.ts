/** Limits of an exponential backoff. */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Returns the milliseconds to wait after `failures` failures in a row (1 or more). The wait doubles up to the maximum.
 * Up to half of it is subtracted at random (`random` is in [0, 1)), so that clients that failed together do not retry
 * together.
 */
export const backoffMs = (failures: number, { firstMs, maxMs }: BackoffOptions, random: number): number => {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(full * (1 - random / 2));
};
