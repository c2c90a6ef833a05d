import { AppError } from './app-error.js';

/** Reports a command line that is not understood; the program exits with its status for wrong usage. */
export class UsageError extends AppError {
  constructor(message: string) {
    super('usage', message);
    this.name = 'UsageError';
  }
}
