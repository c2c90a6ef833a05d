/** Where the time comes from; tests hand in their own. */
export interface Clock {
  /** Milliseconds since 1970, as the wall clock shows them. */
  now(): number;
}

/** The clock of this machine. */
export const systemClock: Clock = { now: () => Date.now() };
