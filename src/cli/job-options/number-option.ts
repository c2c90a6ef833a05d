import { UsageError } from '../../shared/lib/usage-error.js';

const MAX_INT32 = 2 ** 31 - 1;

/** Parses a whole number of at least `min`; throws a UsageError that names the option if it is not one. */
export const parseWholeNumber = (option: string, text: string, min: number): number => {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= MAX_INT32) return value;
  throw new UsageError(`${option} must be a whole number from ${min} to ${MAX_INT32}, not '${text}'`);
};

/** Parses a number of seconds above 0 (`1`, `0.5`) and returns milliseconds; throws a UsageError if it is invalid. */
export const parseSeconds = (option: string, text: string): number => {
  const seconds = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  if (seconds > 0) return seconds * 1000;
  throw new UsageError(`${option} must be a number of seconds above 0, like 1 or 0.5, not '${text}'`);
};
