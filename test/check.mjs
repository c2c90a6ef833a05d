/**
 * `npm run check`: the checks before each commit: form, lint, types, import rules, unit and contract tests. It keeps
 * caches in node_modules/.cache and checks again only what has changed. `npm test` runs everything.
 */
import { fileURLToPath } from 'node:url';
import { mustRun, stopAllOnSignals } from './run/commands.mjs';
import { checkDebianPackages } from './run/debian-packages.mjs';
import { checkNodeModules } from './run/node-modules.mjs';
import { checkNodeVersion } from './run/node-version.mjs';
import { parallel, secondsSince, step, StepFailed } from './run/steps.mjs';
import { runVitest } from './run/vitest.mjs';

const PROJECTS = ['unit', 'contract'];
const CACHE = 'node_modules/.cache';

/** The slowest check first. */
const CHECKS = [
  ['lint', 'eslint', '.', '--cache', '--cache-location', `${CACHE}/eslint/`],
  ['types', 'tsc', '--noEmit', '--incremental', '--tsBuildInfoFile', `${CACHE}/types.tsbuildinfo`],
  ['import rules', 'depcruise', '--config', '.dependency-cruiser.cjs', 'src', 'ctl', 'migrations'],
  ['form', 'prettier', '--check', '.', '--cache', '--cache-location', `${CACHE}/form.json`],
];

const CHECKS_AT_A_TIME = 2;

const main = async () => {
  await step('Node.js version', checkNodeVersion);
  await step('npm packages', checkNodeModules);
  await step('Debian packages', () => checkDebianPackages(PROJECTS));
  await parallel(
    CHECKS.map(([name, program, ...args]) => [
      name,
      () => mustRun([`node_modules/.bin/${program}`, ...args]),
    ]),
    CHECKS_AT_A_TIME,
  );
  const tests = await runVitest(PROJECTS);
  console.log(`${tests.ok ? '✓' : '✗'} npm run check (${secondsSince(0)})`);
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
