import { AppError } from '../../../src/shared/lib/app-error.js';

/** One test: it throws where something does not work. */
export interface SmokeTest {
  readonly name: string;
  run(): Promise<void>;
}

/** Ends a test with what is wrong. */
export const fail = (reason: string): never => {
  throw new AppError('smoke_test', reason);
};
