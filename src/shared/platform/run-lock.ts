import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../lib/app-error.js';
import { err, ok, type Result } from '../lib/result.js';
import { runTool, type ToolResult } from './run-tool.js';

/** A lock that is held until it is released. */
export interface RunLock {
  release(): Promise<void>;
}

/** Why there is no lock; `reason` is for a person. */
export interface LockFault {
  /** Whether somebody else holds it: otherwise it could not be asked for. */
  readonly isHeld: boolean;
  readonly reason: string;
}

/** Exit code of `flock --nonblock` where somebody else holds the lock. */
const HELD = 1;

/**
 * Takes an flock(2) lock on a file, which is made where it is missing, with its folder: the lock that chef-client takes
 * on its pid file, and makes in the same way.
 * Node.js has no such call; but such a lock belongs to the open file, not to a process. So the `flock` program of
 * util-linux is given our open file to lock, and the lock is ours until we close it.
 * `mode` is that of a file which is made; whoever may open the file may lock it.
 */
export const takeRunLock = async (path: string, mode = 0o644): Promise<Result<RunLock, LockFault>> => {
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
