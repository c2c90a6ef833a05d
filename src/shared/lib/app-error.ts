/**
 * Base class of all errors that this project throws on purpose. The message is for users: it says what is wrong, with
 * which value, and what to do. The code is for programs and does not change.
 */
export class AppError extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'AppError';
  }
}

/** The code of a thrown system, database or application error (`ENOENT`); undefined if it has none. */
export const errorCode = (thrown: unknown): string | undefined =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;

/** The message of a thrown value with its causes, without a stack, for a log line or an error text. */
export const messageOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown);
  const inner = thrown instanceof AggregateError ? thrown.errors.map(messageOf).join(', ') : '';
  const text = thrown.message || inner || thrown.name;
  return thrown.cause === undefined ? text : `${text} (${messageOf(thrown.cause)})`;
};
