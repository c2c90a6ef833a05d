import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../lib/app-error.js';
import { err, ok, type Result } from '../lib/result.js';
import { runTool, type ToolResult } from './run-tool.js';

/** A lock that is held until `release`. */
export interface RunLock {
  release(): Promise<void>;
}

/** Why the lock was not acquired; `reason` is for a user. */
export interface LockFault {
  /** True: another program holds the lock; false: locking failed. */
  readonly isHeld: boolean;
  readonly reason: string;
}

/** Exit code of `flock --nonblock` if another program holds the lock. */
const HELD = 1;

/**
 * Acquires an flock(2) lock on a file and creates the file and its folder if they are missing, as chef-client does with
 * its pid file. Every user who can open the file can lock it; `mode` applies to a new file.
 *
 * Node.js has no flock call. But the lock belongs to the open file, not to a process: the `flock` program of util-linux
 * locks our open file, and we hold the lock until we close it.
 */
export const acquireRunLock = async (path: string, mode = 0o644): Promise<Result<RunLock, LockFault>> => {
  let file: FileHandle;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    file = await open(path, 'a', mode);
  } catch (thrown) {
    return err({ isHeld: false, reason: `cannot open the lock file: ${messageOf(thrown)}` });
  }
  let isOurs = false;
  let result: ToolResult | undefined;
  try {
    result = await runTool('flock', ['--nonblock', '--exclusive', '3'], file.fd);
    isOurs = result?.exitCode === 0;
  } finally {
    if (!isOurs) await file.close();
  }
  if (isOurs) return ok({ release: () => file.close() });
  if (result === undefined) {
    const reason = "a lock needs the program 'flock' of util-linux, which is not installed";
    return err({ isHeld: false, reason });
  }
  return err(
    result.exitCode === HELD
      ? { isHeld: true, reason: `the lock ${path} is held by another program` }
      : { isHeld: false, reason: `${path} cannot be locked` },
  );
};
