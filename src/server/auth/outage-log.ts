import type { Logger } from 'pino';

/** The same trouble is told again after this many milliseconds. */
const QUIET_MS = 10_000;

/**
 * Tells of a Chef Server that does not answer as it should. Anybody who can send a request can make the server ask it,
 * so each kind of trouble is a warning once in a while, and every single one shows at debug level only.
 */
export class OutageLog {
  private readonly toldAt = new Map<string, number>();

  constructor(private readonly logger: Logger) {}

  /** A question (a fixed name, such as `group`) got no usable answer: why, in fixed words, and the details. */
  note(question: string, reason: string, detail: string): void {
    const trouble = `${question}: ${reason}`;
    const now = performance.now();
    const isQuiet = now - (this.toldAt.get(trouble) ?? Number.NEGATIVE_INFINITY) < QUIET_MS;
    if (!isQuiet) this.toldAt.set(trouble, now);
    this.logger[isQuiet ? 'debug' : 'warn'](
      { question, reason, detail },
      'the Chef Server gave no usable answer',
    );
  }
}
