/** A vitest reporter that writes the numbers of passed and failed tests to the file COUNTS_FILE. */
import { writeFileSync } from 'node:fs';

export default class CountReporter {
  /**
   * A file that fails outside its tests (import, hook, leak) and an unhandled error count as one failed test each.
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
