/** Runs vitest and counts its tests. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './commands.mjs';

/**
 * Runs the tests of these projects; vitest prints its report.
 * @param {readonly string[]} projects
 * @returns {Promise<{ ok: boolean, passed: number, failed: number, skipped: number }>}
 *   numbers of tests; a run without a count has one failed test
 */
export const runVitest = async (projects) => {
  const folder = mkdtempSync(join(tmpdir(), 'push-jobs-test-run-'));
  const countsFile = join(folder, 'counts.json');
  try {
    const { code } = await run(
      [
        process.execPath,
        'node_modules/vitest/vitest.mjs',
        'run',
        ...projects.flatMap((project) => ['--project', project]),
        '--reporter=default',
        '--reporter=./test/run/count-reporter.mjs',
      ],
      { show: true, env: { ...process.env, COUNTS_FILE: countsFile } },
    );
    const counts = existsSync(countsFile)
      ? JSON.parse(readFileSync(countsFile, 'utf8'))
      : { passed: 0, failed: 1, skipped: 0 };
    return { ok: code === 0 && counts.failed === 0, ...counts };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
