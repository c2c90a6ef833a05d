/**
 * `npm test`: all checks and all tests, also in a fresh clone. It needs only Node.js and installs the rest.
 *
 *     npm test                        all checks, then all tests
 *     npm test -- unit integration    all checks, then the tests of these projects (vitest.config.ts)
 *
 * It stops at the first step that fails. Once tests have run, the last line is `tests: N passed, N failed`.
 */
import { fileURLToPath } from 'node:url';
import { mustRun, stopAllOnSignals } from './run/commands.mjs';
import { checkDebianPackages } from './run/debian-packages.mjs';
import { checkNodeModules } from './run/node-modules.mjs';
import { checkNodeVersion } from './run/node-version.mjs';
import { parallel, secondsSince, step, StepFailed } from './run/steps.mjs';
import { runVitest } from './run/vitest.mjs';

const PROJECTS = ['unit', 'contract', 'integration', 'e2e', 'interop', 'packages'];

/** The slowest check first; each keeps one core busy. */
const CHECKS = ['lint', 'build', 'typecheck', 'depcruise', 'format:check'];
const CHECKS_AT_A_TIME = 2;

/** Returns the named projects; without names all that this user can run. */
const chosenProjects = (names) => {
  const unknown = names.filter((name) => !PROJECTS.includes(name));
  if (unknown.length === 0 && names.length > 0) return names;
  if (unknown.length === 0) {
    if (process.getuid?.() === 0) return PROJECTS;
    console.log('skipped: the tests of the packages, which install them; run npm test as root for these');
    return PROJECTS.filter((name) => name !== 'packages');
  }
  throw new StepFailed(`unknown project: ${unknown.join(', ')}; the projects are ${PROJECTS.join(', ')}`);
};

const main = async () => {
  const projects = chosenProjects(process.argv.slice(2));
  await step('Node.js version', checkNodeVersion);
  await step('npm packages', checkNodeModules);
  await step('Debian packages', () => checkDebianPackages(projects));
  await parallel(
    CHECKS.map((script) => [script, () => mustRun(['npm', 'run', '--silent', script])]),
    CHECKS_AT_A_TIME,
  );
  const start = performance.now();
  const tests = await runVitest(projects);
  console.log(`${tests.ok ? '✓' : '✗'} tests of ${projects.join(', ')} (${secondsSince(start)})`);
  console.log(`npm test took ${secondsSince(0)}`);
  console.log(`tests: ${tests.passed} passed, ${tests.failed} failed`);
  return tests.ok;
};

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
stopAllOnSignals();
try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (thrown) {
  if (!(thrown instanceof StepFailed)) throw thrown;
  console.error(thrown.message);
  process.exitCode = 1;
}
