import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';
import { AppError } from '../shared/lib/app-error.js';

/** Writes Nest's own messages to the server's log: warnings and errors as such, all others at debug level. */
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

  /** Nest also passes the AppErrors on their way through it; the code that catches them logs them. */
  error(message: unknown): void {
    if (message instanceof AppError) return;
    this.logger.error(message instanceof Error ? { err: message } : {}, String(message));
  }

  fatal(message: unknown): void {
    this.logger.fatal(String(message));
  }
}
