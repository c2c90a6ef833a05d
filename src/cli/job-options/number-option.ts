import { UsageError } from '../../shared/lib/usage-error.js';

const MAX_INT32 = 2 ** 31 - 1;

/** A whole number from `least` on of an option; throws a UsageError that names the option otherwise. */
export const readWholeNumber = (option: string, text: string, least: number): number => {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= MAX_INT32) return value;
  throw new UsageError(`${option} must be a whole number from ${least} to ${MAX_INT32}, not '${text}'`);
};

/** A number of seconds above 0 (`1`, `0.5`) of an option, in milliseconds; throws a UsageError otherwise. */
export const readSeconds = (option: string, text: string): number => {
  const seconds = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  if (seconds > 0) return seconds * 1000;
  throw new UsageError(`${option} must be a number of seconds above 0, like 1 or 0.5, not '${text}'`);
};
