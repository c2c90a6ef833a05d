import { AppError } from '../../../src/shared/lib/app-error.js';

/** One test. `run` throws if something does not work. */
export interface SmokeTest {
  readonly name: string;
  run(): Promise<void>;
}

/** Fails a test. */
export const fail = (reason: string): never => {
  throw new AppError('smoke_test', reason);
};
