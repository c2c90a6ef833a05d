import type { AppError } from '../shared/lib/app-error.js';
import type { Result } from '../shared/lib/result.js';

/** The value of a result; a failure is thrown and shown to the user at the top of the program. */
export const unwrap = <T>(result: Result<T, AppError>): T => {
  if (result.ok) return result.value;
  throw result.error;
};
