import { MAX_OUTPUT_EVERY_MS } from '../../../shared/protocol/server-message.js';

/** No node sends more often than so, in milliseconds. */
const FASTEST_MS = 250;

/**
 * What one node's output costs for one reader, in milliseconds of the pace: so all nodes together send 500 times a
 * second at the most, each time two chunks, however many of them are watched, and by however many.
 */
const MS_PER_STREAM = 2;

/** How often a node sends output where so many nodes send it to so many readers, each pair counted; milliseconds. */
export const outputPace = (streams: number): number =>
  Math.min(MAX_OUTPUT_EVERY_MS, Math.max(FASTEST_MS, MS_PER_STREAM * streams));

/**
 * Whether a node that sends output each `saidMs` milliseconds (0: not at all) is to be told that it is wanted each
 * `wantedMs`. Small differences are let be, or every node that ends would make work for all others.
 */
export const isOffPace = (saidMs: number, wantedMs: number): boolean =>
  (saidMs === 0) !== (wantedMs === 0) || saidMs > 2 * wantedMs || 2 * saidMs < wantedMs;
