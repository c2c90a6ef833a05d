import { readFileSync, writeFileSync } from 'node:fs';
import { AppError } from '../../src/shared/lib/app-error.js';
import { type RunLock, takeRunLock } from '../../src/shared/platform/run-lock.js';
import type { CommandContext } from '../command-context.js';

/** Whoever could open the file could hold the lock for ever. */
const PRIVATE = 0o600;

const ASK_EVERY_MS = 1_000;
/** Longer than a run takes whose server is slow to answer; shorter than whatever starts us is patient. */
const LONGEST_WAIT_MS = 300_000;

/**
 * Works while no other run that changes this machine is at work, and waits five minutes at most for one that is. The
 * lock is the kernel's, so none is left by a run that was killed. Throws an AppError that names the process which did
 * not end in time; nothing was done then.
 */
export const oneAtATime = async <T>(
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
  for (let waitedMs = 0; ; waitedMs += ASK_EVERY_MS) {
    const taken = await takeRunLock(file, PRIVATE);
    if (taken.ok) return taken.value;
    if (!taken.error.isHeld) {
      throw new AppError(
        'lock',
        `it cannot be seen whether another run is changing this machine: ${taken.error.reason}. Nothing was done.`,
      );
    }
    const holder = holderIn(file);
    if (waitedMs >= LONGEST_WAIT_MS) throw stillBusy(command, holder, file);
    if (waitedMs === 0) {
      context.warn(
        `${holder} is changing this machine; ${command} waits for it, ${LONGEST_WAIT_MS / 60_000} minutes at most`,
      );
    }
    await context.environment.sleep(ASK_EVERY_MS);
  }
};

/** Who has the lock, as it says itself; one that has just taken it may not have done so yet. */
const holderIn = (file: string): string => {
  const said = readFileSync(file, 'utf8').trim();
  return said === '' ? 'another process' : `process ${said}`;
};

const stillBusy = (command: string, holder: string, file: string): AppError =>
  new AppError(
    'busy',
    `${command} did nothing: ${holder} has been changing this machine for ${LONGEST_WAIT_MS / 60_000} minutes. Wait until ` +
      `it has ended, or end it if it hangs (kill its number), and run ${command} again. It holds the lock ${file}, which ` +
      'goes with the process: there is nothing to remove.',
  );
