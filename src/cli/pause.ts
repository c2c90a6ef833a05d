import { setTimeout as delay } from 'node:timers/promises';

/** Waits so many milliseconds; false where `signal` ended the wait. */
export const pause = async (ms: number, signal: AbortSignal): Promise<boolean> => {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    return false;
  }
};
