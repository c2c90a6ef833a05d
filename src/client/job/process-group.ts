import { setTimeout as delay } from 'node:timers/promises';

/** How often it is looked whether a killed group is gone, and how long after KILL at the most, in milliseconds. */
const POLL_MS = 25;
const KILL_WAIT_MS = 2000;

/**
 * Sends a signal to all processes of a group; false where there is none any more. On Windows, which has no groups,
 * only the first process is ended.
 */
export const signalGroup = (leader: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(process.platform === 'win32' ? leader : -leader, signal);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (code === 'ESRCH') return false;
    if (code === 'EPERM') return true; // there is one, of a user whom we may not signal
    throw thrown;
  }
};

/**
 * Ends a process group: TERM, and after `graceMs` milliseconds KILL. Resolves to whether all its processes are
 * gone; it gives up two seconds after KILL, since a process within the kernel cannot be killed.
 */
export const endGroup = async (leader: number, graceMs: number): Promise<boolean> => {
  if (!signalGroup(leader, 'SIGTERM')) return true;
  if (await isGoneWithin(leader, graceMs)) return true;
  signalGroup(leader, 'SIGKILL');
  return isGoneWithin(leader, KILL_WAIT_MS);
};

const isGoneWithin = async (leader: number, ms: number): Promise<boolean> => {
  const deadline = performance.now() + ms;
  while (signalGroup(leader, 0)) {
    if (performance.now() >= deadline) return false;
    await delay(POLL_MS);
  }
  return true;
};
