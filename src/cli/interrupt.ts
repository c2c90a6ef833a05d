import type { CliEnvironment } from './cli-environment.js';

/** Runs something that Ctrl-C ends by the signal in place of ending the program. */
export const untilInterrupt = async <T>(
  environment: Pick<CliEnvironment, 'onInterrupt'>,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const stop = new AbortController();
  const stopListening = environment.onInterrupt(() => stop.abort());
  try {
    return await run(stop.signal);
  } finally {
    stopListening();
  }
};
