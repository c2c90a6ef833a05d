import { existsSync, readdirSync, readFileSync } from 'node:fs';
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
  while (signalGroup(leader, 0) && hasLivingMember(leader)) {
    if (performance.now() >= deadline) return false;
    await delay(POLL_MS);
  }
  return true;
};

/**
 * Whether a process of the group has not ended yet. One that has ended, but whose parent has not looked, can still be
 * signalled: in a container whose first process never looks, for ever. Only Linux can tell.
 */
const hasLivingMember = (leader: number): boolean => {
  if (!existsSync('/proc/self/stat')) return true;
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && isLivingIn(leader, name));
};

const isLivingIn = (leader: number, pid: string): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // After the command in brackets, which may hold anything: state, parent, group.
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(group) === leader && state !== 'Z' && state !== 'X';
  } catch {
    return false; // ended while we looked
  }
};
