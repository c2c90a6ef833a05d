import { readFileSync, writeFileSync } from 'node:fs';
import { AppError } from '../../src/shared/lib/app-error.js';
import { type RunLock, acquireRunLock } from '../../src/shared/platform/run-lock.js';
import type { CommandContext } from '../command-context.js';

/** A user who can open the file can hold the lock for ever. */
const PRIVATE = 0o600;

const RETRY_INTERVAL_MS = 1_000;
/** Longer than a run with a slow server takes; shorter than the timeouts of programs that start ctl. */
const MAX_WAIT_MS = 300_000;

/**
 * Runs `work` while no other run changes this machine; waits at most five minutes for another one. The kernel holds the
 * lock, so a killed run leaves none behind. If the wait times out, throws an AppError that names the other process.
 */
export const withExclusiveLock = async <T>(
  context: CommandContext,
  command: string,
  work: () => Promise<T>,
): Promise<T> => {
  const lock = await waitForLock(context, command);
  try {
    writeFileSync(context.paths.lock, `${process.pid} (${command})\n`);
    return await work();
  } finally {
    await lock.release();
  }
};

const waitForLock = async (context: CommandContext, command: string): Promise<RunLock> => {
  const file = context.paths.lock;
  for (let waitedMs = 0; ; waitedMs += RETRY_INTERVAL_MS) {
    const taken = await acquireRunLock(file, PRIVATE);
    if (taken.ok) return taken.value;
    if (!taken.error.isHeld) {
      throw new AppError(
        'lock',
        `cannot check whether another run is changing this machine: ${taken.error.reason}. Nothing was done.`,
      );
    }
    const holder = lockHolder(file);
    if (waitedMs >= MAX_WAIT_MS) throw lockTimeout(command, holder, file);
    if (waitedMs === 0) {
      context.warn(
        `${holder} is changing this machine; ${command} waits for it, at most ${MAX_WAIT_MS / 60_000} minutes`,
      );
    }
    await context.environment.sleep(RETRY_INTERVAL_MS);
  }
};

/** Reads the lock's holder from the file; a holder that has just taken the lock may not have written it yet. */
const lockHolder = (file: string): string => {
  const text = readFileSync(file, 'utf8').trim();
  return text === '' ? 'another process' : `process ${text}`;
};

const lockTimeout = (command: string, holder: string, file: string): AppError =>
  new AppError(
    'busy',
    `${command} did nothing: ${holder} has been changing this machine for ${MAX_WAIT_MS / 60_000} minutes. Wait until ` +
      `it has ended, or kill it if it hangs, and run ${command} again. Its lock ${file} ends with the process: do not ` +
      'remove the file.',
  );
