import { MAX_OUTPUT_EVERY_MS } from '../../../shared/protocol/server-message.js';

const MIN_INTERVAL_MS = 250;

/**
 * Each stream adds this to the interval. So all nodes together send output at most 500 times per second, with two
 * chunks each time, for any number of nodes and readers.
 */
const MS_PER_STREAM = 2;

/** Returns how often a node sends output, in milliseconds; each pair of node and reader is one stream. */
export const outputIntervalMs = (streams: number): number =>
  Math.min(MAX_OUTPUT_EVERY_MS, Math.max(MIN_INTERVAL_MS, MS_PER_STREAM * streams));

/**
 * Whether a node that sends output every `reportedMs` must be given the interval `wantedMs`; 0 means no output. Ignores
 * small differences: else each node that ends would cause messages to all others.
 */
export const needsNewInterval = (reportedMs: number, wantedMs: number): boolean =>
  (reportedMs === 0) !== (wantedMs === 0) || reportedMs > 2 * wantedMs || 2 * reportedMs < wantedMs;
