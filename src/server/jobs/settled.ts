import { setTimeout as after } from 'node:timers/promises';
import type { JobStore } from './job-store.port.js';

/** For so long an answer waits until what it shows is stored; longer only where the database is in trouble. */
const SETTLE_MS = 1000;

/**
 * Waits until what happened so far is stored, so that no restart takes back what a user has seen; tells whether it is.
 */
export const settled = async (store: Pick<JobStore, 'flushed'>): Promise<boolean> => {
  const flushed = store.flushed().then(() => true);
  return Promise.race([flushed, after(SETTLE_MS, false, { ref: false })]);
};
