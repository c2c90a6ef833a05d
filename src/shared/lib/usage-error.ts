import { AppError } from './app-error.js';

/** The command line was not understood; the program ends with exit code 2. */
export class UsageError extends AppError {
  constructor(message: string) {
    super('usage', message);
    this.name = 'UsageError';
  }
}
