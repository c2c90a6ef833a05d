import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { PackagesFirst } from './test/run/packages-first.js';

/** Starts one PostgreSQL for all tests of the run. */
const POSTGRES = 'test/support/global-setup.ts';

/** Tests often wait for programs and timeouts: one worker more than cores keeps all cores busy. */
const WORKERS = availableParallelism() + 1;

/**
 * One project per kind of test: `npx vitest --project unit` runs only the fast ones. The timeouts are long enough for a
 * busy machine; only failing tests reach them.
 */
const project = (name: string, testTimeout: number, over: { globalSetup?: string[] } = {}) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    globalSetup: [POSTGRES],
    testTimeout,
    hookTimeout: 2 * testTimeout,
    ...over,
  },
});

export default defineConfig({
  test: {
    pool: 'forks',
    isolate: false, // test files of a worker share their imports; loading these again took a quarter of the time
    maxWorkers: WORKERS,
    sequence: { sequencer: PackagesFirst },
    setupFiles: ['test/support/leak-guard.ts'],
    projects: [
      project('unit', 30_000, { globalSetup: [] }),
      project('contract', 60_000),
      project('integration', 90_000),
      project('e2e', 120_000),
      project('interop', 90_000),
      project('packages', 240_000, { globalSetup: [] }),
    ],
  },
});
