import type { AppError } from '../shared/lib/app-error.js';
import type { Result } from '../shared/lib/result.js';

/** Returns the value of a result; throws its error, which `runCli` shows to the user. */
export const unwrap = <T>(result: Result<T, AppError>): T => {
  if (result.ok) return result.value;
  throw result.error;
};
