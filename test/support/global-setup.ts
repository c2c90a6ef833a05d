import { startThrowAwayCluster } from './postgres/throw-away-cluster.js';

/** URL of the PostgreSQL for all tests; if it is set beforehand, the tests use that server. */
const VARIABLE = 'PUSH_JOBS_TEST_POSTGRES';

/**
 * Starts one PostgreSQL for all test files: the first project that needs one starts it, and stops it when every project
 * has ended. `unit` tests need none: they start at once and run anywhere.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env[VARIABLE] !== undefined) return undefined;
  const cluster = await startThrowAwayCluster();
  process.env[VARIABLE] = cluster.url;
  return cluster.stop;
}
