import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';
import { AppError } from '../shared/lib/app-error.js';

/** Nest's own lines in the server's log: what it sees go wrong, and the rest at debug level. */
export class NestLogger implements LoggerService {
  private readonly logger: Logger;

  constructor(logger: Logger) {
    this.logger = logger.child({ scope: 'nest' });
  }

  log(message: unknown): void {
    this.logger.debug(String(message));
  }

  warn(message: unknown): void {
    this.logger.warn(String(message));
  }

  /** What we throw on purpose is told where it is caught; Nest shows it on its way there. */
  error(message: unknown): void {
    if (message instanceof AppError) return;
    this.logger.error(message instanceof Error ? { err: message } : {}, String(message));
  }

  fatal(message: unknown): void {
    this.logger.fatal(String(message));
  }
}
