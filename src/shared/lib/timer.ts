/** Node.js fires a timer of more than 2^31 - 1 ms at once; longer waits are made of several. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A timer that has been set and can be called off. */
export interface Timer {
  cancel(): void;
}

/**
 * Calls `fire` once after `delayMs` milliseconds (at once where it is not above 0), also when that is more than
 * the 24.8 days that Node.js itself can wait. The timer does not keep the process alive.
 */
export const setLongTimer = (delayMs: number, fire: () => void): Timer => {
  let handle: NodeJS.Timeout;
  const arm = (left: number): void => {
    const step = Math.min(Math.max(left, 0), LONGEST_TIMER_MS);
    handle = setTimeout(() => (left > step ? arm(left - step) : fire()), step);
    handle.unref();
  };
  arm(delayMs);
  return { cancel: () => clearTimeout(handle) };
};
