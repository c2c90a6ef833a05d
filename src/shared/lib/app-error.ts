/**
 * The base of all errors that this project throws on purpose. The message is for a person: it says what was
 * wrong, with which value, and what is allowed or what to do. The code is for programs and does not change.
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

/** The message of whatever was thrown, for a log line or an error text; never a stack. */
export const messageOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown);
  const inner = thrown instanceof AggregateError ? thrown.errors.map(messageOf).join(', ') : '';
  const text = thrown.message || inner || thrown.name;
  return thrown.cause === undefined ? text : `${text} (${messageOf(thrown.cause)})`;
};
