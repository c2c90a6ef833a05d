/** The source of the current time; tests provide their own. */
export abstract class Clock {
  /** Wall clock time, in milliseconds since 1970. */
  abstract now(): number;
}

/** The clock of this machine. */
export const systemClock: Clock = { now: () => Date.now() };
