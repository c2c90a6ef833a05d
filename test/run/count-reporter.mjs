/** A vitest reporter that writes how many tests passed and failed to the file named by COUNTS_FILE. */
import { writeFileSync } from 'node:fs';

export default class CountReporter {
  /**
   * A test file that broke outside its tests (an import, a hook, a leak), or an error that no test caught, counts as one that failed.
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      let failedInside = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        counts[state === 'pending' ? 'failed' : state]++;
        if (state === 'failed') failedInside++;
      }
      if (failedInside === 0 && !module.ok()) counts.failed++;
    }
    writeFileSync(process.env.COUNTS_FILE, JSON.stringify(counts));
  }
}
