import type { PreviousKeys } from '../keys/keys.port.js';

/** Part of the time in which the previous keys count, at its end, and how many intervals that is at least. */
const NUDGE_PART = 0.1;
const LEAST_NUDGE_INTERVALS = 5;

/**
 * Whether, at `now` (milliseconds since 1970), nodes that know the server by its previous keys are told that it is another
 * one, so that they fetch their config. Before that they come by themselves, each when its config is old: all at once
 * would be a storm. At the end those are left that were busy, or away.
 */
export const isNudging = (
  { rotatedAt, validUntil }: Pick<PreviousKeys, 'rotatedAt' | 'validUntil'>,
  intervalMs: number,
  now: number,
): boolean =>
  now >= validUntil - Math.max((validUntil - rotatedAt) * NUDGE_PART, intervalMs * LEAST_NUDGE_INTERVALS);
