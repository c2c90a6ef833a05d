import { setTimeout as delay } from 'node:timers/promises';
import type { CliEnvironment } from './cli-environment.js';

/** Calls `run` with a signal that Ctrl-C aborts; Ctrl-C does not end the program meanwhile. */
export const withInterruptSignal = async <T>(
  environment: Pick<CliEnvironment, 'onInterrupt'>,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const interrupt = new AbortController();
  const stopListening = environment.onInterrupt(() => interrupt.abort());
  try {
    return await run(interrupt.signal);
  } finally {
    stopListening();
  }
};

/** Waits for `ms` milliseconds and resolves to true; resolves to false as soon as `signal` is aborted. */
export const pause = async (ms: number, signal: AbortSignal): Promise<boolean> => {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    return false;
  }
};
