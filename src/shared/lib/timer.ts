/** Node.js fires a timer with a longer delay at once. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** A running timer. */
export interface Timer {
  cancel(): void;
}

/**
 * Calls `fire` once after `delayMs` milliseconds, as soon as possible if that is 0 or less. The delay can be longer than
 * the 24.8 days that Node.js supports. The timer does not keep the process alive.
 */
export const setLongTimer = (delayMs: number, fire: () => void): Timer => {
  let handle: NodeJS.Timeout;
  const arm = (remaining: number): void => {
    const step = Math.min(Math.max(remaining, 0), MAX_TIMEOUT_MS);
    handle = setTimeout(() => (remaining > step ? arm(remaining - step) : fire()), step);
    handle.unref();
  };
  arm(delayMs);
  return { cancel: () => clearTimeout(handle) };
};
