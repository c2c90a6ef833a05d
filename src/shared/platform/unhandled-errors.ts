import type { Logger } from 'pino';
import { messageOf } from '../lib/app-error.js';

/** Exit code of a program that ends because of a bug, as in sysexits.h. */
export const EXIT_BUG = 70;

/**
 * Returns a function that logs an error which nobody has handled, with its stack, and exits with EXIT_BUG. After such an
 * error nobody knows which part of the program still works. Members of the error are not logged: they may be secret.
 */
export const createUnhandledErrorHandler =
  (logger: Pick<Logger, 'fatal'>, exit: (code: number) => void) =>
  (thrown: unknown, origin: 'uncaughtException' | 'unhandledRejection'): void => {
    try {
      const stack = thrown instanceof Error ? thrown.stack : undefined;
      logger.fatal(
        { origin, reason: messageOf(thrown), stack },
        'a bug: the program ends, so that it is restarted',
      );
    } finally {
      exit(EXIT_BUG);
    }
  };

/** Ends the program when nobody handles an error or a rejected promise. Call it once. */
export const exitOnUnhandledErrors = (logger: Logger): void => {
  const handle = createUnhandledErrorHandler(logger, (code) => process.exit(code));
  process.on('uncaughtException', (thrown) => handle(thrown, 'uncaughtException'));
  process.on('unhandledRejection', (thrown) => handle(thrown, 'unhandledRejection'));
};
