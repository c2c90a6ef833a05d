/**
 * The outcome of an operation that can be expected to fail (invalid input, an unreachable peer). Bugs throw; expected
 * failures are values of this type, so that a caller cannot overlook them.
 */
export type Result<T, E> = Ok<T> | Err<E>;

export interface Ok<T> {
  readonly ok: true;
  readonly value: T;
}

export interface Err<E> {
  readonly ok: false;
  readonly error: E;
}

/** Wraps a value as a success. */
export const ok = <T>(value: T): Ok<T> => ({ ok: true, value });

/** Wraps a reason as a failure. */
export const err = <E>(error: E): Err<E> => ({ ok: false, error });
