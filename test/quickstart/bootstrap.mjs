/**
 * `npm run quickstart`: a whole Push Jobs installation on this machine, from a fresh clone on. It needs Node.js and npm
 * alone; what it makes stands in `.quickstart/`.
 *
 *     npm run quickstart              stays up until Ctrl-C
 *     npm run quickstart -- --once    ends after the first job; exit code 0 only if that succeeded
 *     npm run quickstart -- --ports N uses the ports N to N+3 (default 10000 to 10003)
 */
import { spawn } from 'node:child_process';
import { mustRun, stopAllOnSignals } from '../run/commands.mjs';
import { checkNodeModules } from '../run/node-modules.mjs';
import { checkNodeVersion } from '../run/node-version.mjs';
import { step, StepFailed } from '../run/steps.mjs';

/** Installs and builds; the TypeScript part of the quick start cannot run before that. */
const prepare = async () => {
  await step('Node.js version', checkNodeVersion);
  await step('npm packages', checkNodeModules);
  await step('build', async () => {
    await mustRun(['npm', 'run', '--silent', 'build']);
    await mustRun(['npx', 'tsc', '-p', 'test/quickstart/tsconfig.json']);
  });
};

/** Goes on in the built program; it gets the signals itself, as a part of the terminal's process group. */
const goOn = () => {
  process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
  const program = spawn(process.execPath, ['dist/test/quickstart/main.js', ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => program.kill('SIGTERM'));
  program.on('close', (code) => process.exit(code ?? 1));
};

process.chdir(new URL('../..', import.meta.url).pathname);
stopAllOnSignals();
try {
  await prepare();
  goOn();
} catch (thrown) {
  if (!(thrown instanceof StepFailed)) throw thrown;
  console.error(thrown.message);
  process.exitCode = 1;
}
