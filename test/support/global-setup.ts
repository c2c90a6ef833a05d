import { startThrowAwayCluster } from './postgres/throw-away-cluster.js';

/** The environment variable by which tests learn of their PostgreSQL; set beforehand, that server is used. */
const VARIABLE = 'PUSH_JOBS_TEST_POSTGRES';

/**
 * Gives all test files one PostgreSQL: the first project of the run that needs one starts it, and stops it when
 * every project has ended. `unit` tests need none, so that they start at once and run anywhere.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env[VARIABLE] !== undefined) return undefined;
  const cluster = await startThrowAwayCluster();
  process.env[VARIABLE] = cluster.url;
  return cluster.stop;
}
