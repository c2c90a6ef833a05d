/** Checks before the build that no other quick start uses the folder and that the ports are free. */
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { StepFailed } from '../run/steps.mjs';

const PID_FILE = '.quickstart/quickstart.pid';

/** What listens on the first port and those that follow it; main.ts counts the same way. */
const LISTENERS = ['heartbeats', 'development Chef Server', 'commands', 'REST API'];

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return thrown.code === 'EPERM';
  }
};

const runningPid = () => {
  try {
    return Number(readFileSync(PID_FILE, 'utf8'));
  } catch {
    return 0; // no file: the folder is not claimed
  }
};

/** Claims the folder until this process ends; throws a StepFailed if another quick start has claimed it. */
export const claimFolder = () => {
  const pid = runningPid();
  if (pid > 0 && isAlive(pid)) {
    throw new StepFailed(
      `a quick start is already running in this folder (pid ${pid}); if it is not, remove ${PID_FILE}`,
    );
  }
  mkdirSync('.quickstart', { recursive: true, mode: 0o700 });
  writeFileSync(PID_FILE, String(process.pid));
  process.on('exit', () => rmSync(PID_FILE, { force: true }));
};

/**
 * Throws a StepFailed with the first port of 127.0.0.1 that is in use, and what to do.
 * @param {number} first the first of four ports
 */
export const checkPorts = async (first) => {
  for (const [index, name] of LISTENERS.entries()) {
    const probe = createServer();
    try {
      probe.listen(first + index, '127.0.0.1');
      await once(probe, 'listening');
    } catch {
      throw new StepFailed(
        `port ${first + index} (${name}) of 127.0.0.1 is in use: stop the program that listens there, ` +
          'or use other ports, such as: npm run quickstart -- --ports 20000',
      );
    } finally {
      probe.close();
    }
  }
};
