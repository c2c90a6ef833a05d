/** Returns the value that a share (0 to 1) of the values does not exceed. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
};

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Formats seconds as milliseconds. */
export const ms = (seconds: number): string => `${(seconds * 1000).toFixed(seconds < 0.1 ? 1 : 0)} ms`;

/** Formats seconds divided by `count` as microseconds. */
export const microsEach = (seconds: number, count: number): string =>
  `${((seconds * 1e6) / count).toFixed(0)} µs`;
