/**
 * `npm run quickstart`: a whole Push Jobs installation on this machine, from a fresh clone. It needs only Node.js and npm
 * and writes to `.quickstart/`.
 *
 *     npm run quickstart              runs until Ctrl-C
 *     npm run quickstart -- --once    ends after the first job; exit code 0 only if that job succeeded
 *     npm run quickstart -- --ports N uses the ports N to N+3 (default 10000 to 10003)
 *     npm run dev                     the same as --watch: compiles each change and restarts the programs it concerns
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { clearInterval, setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mustRun, stopAllOnSignals } from '../run/commands.mjs';
import { checkNodeModules } from '../run/node-modules.mjs';
import { checkNodeVersion } from '../run/node-version.mjs';
import { step, StepFailed } from '../run/steps.mjs';
import { checkPorts, claimFolder } from './claim.mjs';

/** How often we check that our parent still runs: npm does not forward signals. */
const PARENT_CHECK_MS = 500;

const readOptions = () => {
  let values;
  try {
    const options = {
      once: { type: 'boolean', default: false },
      ports: { type: 'string', default: '10000' },
      watch: { type: 'boolean', default: false },
    };
    ({ values } = parseArgs({ options }));
  } catch (thrown) {
    throw new StepFailed(`${thrown.message}; the options are --once, --watch and --ports N`);
  }
  const first = Number(values.ports);
  if (!Number.isInteger(first) || first < 1024 || first > 65_000) {
    throw new StepFailed(`--ports must be a number from 1024 to 65000, not '${values.ports}'`);
  }
  if (values.once && values.watch) throw new StepFailed('--once and --watch exclude each other');
  return { once: values.once, watch: values.watch, first };
};

/** Installs and builds; the TypeScript part of the quick start needs both. */
const prepare = async (first) => {
  await step('Node.js version', checkNodeVersion);
  await step('free folder and ports', async () => {
    claimFolder();
    await checkPorts(first);
  });
  await step('npm packages', checkNodeModules);
  await step('build', async () => {
    await mustRun(['npm', 'run', '--silent', 'build']);
    await mustRun(['npx', 'tsc', '-p', 'test/quickstart/tsconfig.json']);
  });
};

/** Compiles each change from now on; ends with us. Its reports go to the terminal. */
const compileChanges = () => {
  const compiler = spawn(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  process.once('exit', () => compiler.kill());
};

/**
 * Runs the built program to its end and returns its exit code. A message tells it to stop, whatever ends us. It reports
 * the processes that it starts, so that they end even if it is killed.
 */
const runBuilt = async (args) => {
  const started = new Set();
  const program = spawn(process.execPath, ['dist/test/quickstart/main.js', ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true, // Ctrl-C reaches only us, and we forward it
  });
  const stop = () => program.connected && program.send('stop');
  process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  const parent = process.ppid;
  const watch = setInterval(() => process.ppid !== parent && stop(), PARENT_CHECK_MS);

  program.on('message', ({ pid }) => started.add(pid));
  const [code, signal] = await once(program, 'close');
  clearInterval(watch);
  if (signal !== null) for (const pid of started) endProcess(pid);
  return code ?? 1;
};

const endProcess = (pid) => {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (thrown) {
    if (thrown.code !== 'ESRCH') throw thrown; // it has already ended
  }
};

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
stopAllOnSignals();
try {
  const { once: onlyOnce, watch, first } = readOptions();
  await prepare(first);
  if (watch) compileChanges();
  const flags = [...(onlyOnce ? ['--once'] : []), ...(watch ? ['--watch'] : [])];
  process.exitCode = await runBuilt([...flags, '--ports', String(first)]);
} catch (thrown) {
  if (!(thrown instanceof StepFailed)) throw thrown;
  console.error(thrown.message);
  process.exitCode = 1;
}
