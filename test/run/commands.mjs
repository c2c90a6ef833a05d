/** Runs programs; ends them when this process gets SIGINT or SIGTERM. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { StepFailed } from './steps.mjs';

const KILL_AFTER_MS = 10_000;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * Runs a program to its end. Each program has its own process group, so that its children end with it.
 * @param {string[]} command program and arguments
 * @param {{ show?: boolean, env?: NodeJS.ProcessEnv }} [options] show: the program writes to our output
 * @returns {Promise<{ code: number | null, output: string }>} exit code, null after a signal; output, unless shown
 */
export const run = async ([program, ...args], { show = false, env = process.env } = {}) => {
  const child = spawn(program, args, {
    env,
    stdio: ['ignore', ...Array(2).fill(show ? 'inherit' : 'pipe')],
    detached: true,
  });
  running.add(child);
  const chunks = [];
  child.stdout?.on('data', (chunk) => chunks.push(chunk));
  child.stderr?.on('data', (chunk) => chunks.push(chunk));
  try {
    const [code] = await once(child, 'close');
    return { code, output: Buffer.concat(chunks).toString('utf8') };
  } catch (thrown) {
    throw new StepFailed(`cannot start ${program}: ${thrown.message}`);
  } finally {
    running.delete(child);
  }
};

/**
 * Runs a program that must succeed; prints its output if it does not.
 * @param {string[]} command program and arguments
 * @param {{ show?: boolean, env?: NodeJS.ProcessEnv }} [options] as for run()
 */
export const mustRun = async (command, options) => {
  const { code, output } = await run(command, options);
  if (code === 0) return;
  console.error(output);
  throw new StepFailed(
    `\`${command.join(' ')}\` ended with ${code === null ? 'a signal' : `exit code ${code}`}`,
  );
};

const signalGroup = (child, signal) => {
  try {
    process.kill(-child.pid, signal);
  } catch (thrown) {
    if (thrown.code !== 'ESRCH') throw thrown; // its last process has just ended
  }
};

/** Ends all running programs, with KILL after a grace period; resolves when all have ended. */
export const stopAll = async () => {
  const children = [...running];
  for (const child of children) signalGroup(child, 'SIGTERM');
  const force = setTimeout(() => children.forEach((child) => signalGroup(child, 'SIGKILL')), KILL_AFTER_MS);
  await Promise.all(children.map((child) => once(child, 'close')));
  clearTimeout(force);
};

/** On SIGINT and SIGTERM: ends all programs, then exits with 128 plus the signal number. */
export const stopAllOnSignals = () => {
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ]) {
    process.once(signal, async () => {
      console.error(`\n${signal}: stopping`);
      await stopAll();
      process.exit(128 + number);
    });
  }
};
