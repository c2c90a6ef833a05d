import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { PackagesFirst } from './test/run/packages-first.js';

/** Starts the one PostgreSQL of the run. */
const POSTGRES = 'test/support/global-setup.ts';

/** Many tests wait for a time-out or for programs to start: one file more than there are cores keeps these busy. */
const WORKERS = availableParallelism() + 1;

/**
 * One project per kind of test, so that `npx vitest --project unit` runs only the fast ones. The time limits are for
 * busy machines: only a test that fails takes so long.
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
    isolate: false, // files share what they import: to load it for each took a quarter of the time of all tests
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
