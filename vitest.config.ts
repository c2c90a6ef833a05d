import { defineConfig } from 'vitest/config';

/** Starts the one PostgreSQL of the run. */
const POSTGRES = 'test/support/global-setup.ts';

/** One project per kind of test, so that `npx vitest --project unit` runs only the fast ones. */
const project = (name: string, testTimeout: number, globalSetup: string[] = [POSTGRES]) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    globalSetup,
    testTimeout,
    hookTimeout: Math.max(testTimeout, 30_000),
  },
});

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: '100%',
    setupFiles: ['test/support/leak-guard.ts'],
    projects: [
      project('unit', 10_000, []),
      project('contract', 20_000),
      project('integration', 30_000),
      project('e2e', 60_000),
      project('interop', 60_000),
      project('packages', 120_000, []),
    ],
  },
});
