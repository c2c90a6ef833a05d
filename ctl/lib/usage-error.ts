import { AppError } from '../../src/shared/lib/app-error.js';

/** The arguments do not fit the command; the message says what would. */
export class UsageError extends AppError {
  constructor(message: string) {
    super('usage', message);
    this.name = 'UsageError';
  }
}
