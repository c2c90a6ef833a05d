import { setTimeout as delay } from 'node:timers/promises';
import { killCgroup, processesInCgroup } from './job-cgroup.js';
import {
  readBootId,
  hasProcTable,
  type ProcessEntry,
  readProcess,
  readProcesses,
  readStartEnvironment,
} from './proc-table.js';
import { errorCode } from '../../shared/lib/app-error.js';

/** Interval between checks whether signalled processes are gone; it doubles from the first to the maximum. */
const POLL_MS = { first: 25, max: 250 };

/** Maximum time to wait after KILL: a process that is blocked in the kernel does not end. */
const KILL_WAIT_MS = 2000;

/** Identifies a process across restarts of the client. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
  /** Boot of the machine; process ids are reused after the next boot. */
  readonly bootId: string;
}

/**
 * All processes of a job's command. A process belongs to it if it is in the command's process group or session, if its
 * start environment has all `markers`, if it is in the cgroup, or if its parent belongs to it. So a process is found
 * even if it left the group (`setsid`) or lost its parent, and with a cgroup even if it also cleared its environment.
 */
export interface ProcessTree {
  /** Process id of the command; undefined if it is unknown or uncertain. */
  readonly leader: number | undefined;
  /** Variables (`NAME=value`) of the start environment. */
  readonly markers: readonly string[];
  /** Folder of the cgroup; undefined if the command has none. */
  readonly cgroup?: string | undefined;
}

/** Returns the identity of a running process; undefined if it has ended or the system has no /proc. */
export const identifyProcess = (pid: number): ProcessIdentity | undefined => {
  const entry = hasProcTable() ? readProcess(pid) : undefined;
  const boot = readBootId();
  return entry === undefined || boot === undefined
    ? undefined
    : { pid, startTime: entry.startTime, bootId: boot };
};

/** Whether this process still runs. Another process that reused its id does not count. */
export const isStillRunning = (known: ProcessIdentity): boolean =>
  known.bootId === readBootId() && readProcess(known.pid)?.startTime === known.startTime;

/** Finds the running processes of a tree, except this process and its ancestors. Empty if the system has no /proc. */
export const findTreeProcesses = ({ leader, markers, cgroup }: ProcessTree): ProcessEntry[] => {
  if (!hasProcTable()) return [];
  const all = readProcesses();
  const excluded = withAncestors(process.pid, all);
  const members = new Map<number, ProcessEntry>();
  const isInGroupOrSession = ({ pid, group, session }: ProcessEntry): boolean =>
    pid === leader || group === leader || session === leader;
  for (const entry of all) {
    if (!excluded.has(entry.pid) && (isInGroupOrSession(entry) || hasMarkers(entry, markers)))
      members.set(entry.pid, entry);
  }
  for (const pid of cgroup === undefined ? [] : processesInCgroup(cgroup)) {
    const entry = excluded.has(pid) ? undefined : readProcess(pid);
    if (entry !== undefined) members.set(pid, entry);
  }
  for (let sizeBefore = -1; sizeBefore < members.size;) {
    sizeBefore = members.size;
    for (const entry of all) {
      if (!excluded.has(entry.pid) && members.has(entry.parent)) members.set(entry.pid, entry);
    }
  }
  return [...members.values()];
};

const hasMarkers = ({ pid }: ProcessEntry, markers: readonly string[]): boolean => {
  if (markers.length === 0) return false;
  const environment = readStartEnvironment(pid);
  return markers.every((marker) => environment.includes(marker));
};

const withAncestors = (pid: number, all: readonly ProcessEntry[]): Set<number> => {
  const parents = new Map(all.map((entry) => [entry.pid, entry.parent]));
  const ancestors = new Set<number>();
  for (
    let next: number | undefined = pid;
    next !== undefined && !ancestors.has(next);
    next = parents.get(next)
  ) {
    ancestors.add(next);
  }
  return ancestors;
};

/**
 * Ends a process tree: TERM, and KILL after `graceMs` milliseconds. Resolves to whether all processes are gone; it
 * gives up two seconds after KILL. If the system has no /proc, only the process group of the command is ended.
 */
export const killProcessTree = async (tree: ProcessTree, graceMs: number): Promise<boolean> =>
  (await signalTreeUntilGone(tree, 'SIGTERM', graceMs)) || (await killTreeUntilGone(tree));

/** Kills the cgroup as a whole, so that no process escapes by forking, unless this process or an ancestor is in it. */
const killTreeUntilGone = (tree: ProcessTree): Promise<boolean> => {
  const { cgroup } = tree;
  if (cgroup !== undefined) {
    const excluded = withAncestors(process.pid, readProcesses());
    if (!processesInCgroup(cgroup).some((pid) => excluded.has(pid))) killCgroup(cgroup);
  }
  return signalTreeUntilGone(tree, 'SIGKILL', KILL_WAIT_MS);
};

/** Signals each process once, including those that start meanwhile. */
const signalTreeUntilGone = async (
  tree: ProcessTree,
  signal: NodeJS.Signals,
  withinMs: number,
): Promise<boolean> => {
  const deadline = performance.now() + withinMs;
  const signalled = new Set<number>();
  let isGroupSignalled = false;
  for (let pollMs = POLL_MS.first; ; pollMs = Math.min(2 * pollMs, POLL_MS.max)) {
    const members = findTreeProcesses(tree);
    const { leader } = tree;
    const groupExists = leader !== undefined && signalGroup(leader, isGroupSignalled ? 0 : signal);
    isGroupSignalled = true;
    if (hasProcTable() ? members.length === 0 : !groupExists) return true;
    for (const { pid, group } of members) {
      if (!signalled.has(pid) && group !== leader) sendSignal(pid, signal);
      signalled.add(pid);
    }
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await delay(Math.min(pollMs, leftMs));
  }
};

/** Signals all processes of a group at once; on Windows, which has no groups, only the first process. */
const signalGroup = (leader: number, signal: NodeJS.Signals | 0): boolean =>
  sendSignal(process.platform === 'win32' ? leader : -leader, signal);

/** Returns false if the process or group does not exist any more. */
const sendSignal = (target: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(target, signal);
  } catch (thrown) {
    const code = errorCode(thrown);
    if (code === 'ESRCH') return false;
    if (code === 'EPERM') return true; // it exists, but belongs to a user whose processes we must not signal
    throw thrown;
  }
};
