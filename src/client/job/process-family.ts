import { setTimeout as delay } from 'node:timers/promises';
import { killCgroup, processesInCgroup } from './job-cgroup.js';
import {
  bootId,
  hasProcTable,
  type ProcessEntry,
  readProcess,
  readProcesses,
  startEnvironmentOf,
} from './proc-table.js';

/** How often it is looked whether killed processes are gone: at first, and at the most, in milliseconds. */
const POLL_MS = { first: 25, longest: 250 };

/** How long after KILL it is looked at the most, in milliseconds: a process within the kernel cannot be killed. */
const KILL_WAIT_MS = 2000;

/** A process that was started, so that it is known again by another client process. */
export interface StartedProcess {
  readonly pid: number;
  readonly startTime: string;
  /** Of the machine's run; a process id means nothing after the next start of the machine. */
  readonly bootId: string;
}

/**
 * All that the command of a job has started. A process belongs to it that is in the group or the session of the command,
 * that was started with these variables (`NAME=value`, all of them), that is in its cgroup, or whose parent belongs to
 * it: so it is found though it left the group (`setsid`) or lost its parent, and with a cgroup though it did all of that.
 */
export interface ProcessFamily {
  /** Process id of the command; undefined where it is not known, or not certain. */
  readonly leader: number | undefined;
  readonly marks: readonly string[];
  /** Folder of the cgroup; undefined where the command has none of its own. */
  readonly cgroup?: string | undefined;
}

/** Describes a running process; undefined where the system does not tell enough to know it again. */
export const describeProcess = (pid: number): StartedProcess | undefined => {
  const entry = hasProcTable() ? readProcess(pid) : undefined;
  const boot = bootId();
  return entry === undefined || boot === undefined
    ? undefined
    : { pid, startTime: entry.startTime, bootId: boot };
};

/** Whether this very process still runs, and not another one that got its number. */
export const isStillRunning = (known: StartedProcess): boolean =>
  known.bootId === bootId() && readProcess(known.pid)?.startTime === known.startTime;

/** The living members of a family, without ourselves and those who started us. Empty where there is no /proc. */
export const findFamily = ({ leader, marks, cgroup }: ProcessFamily): ProcessEntry[] => {
  if (!hasProcTable()) return [];
  const all = readProcesses();
  const spared = withAncestors(process.pid, all);
  const members = new Map<number, ProcessEntry>();
  const isOfCommand = ({ pid, group, session }: ProcessEntry): boolean =>
    pid === leader || group === leader || session === leader;
  for (const entry of all) {
    if (!spared.has(entry.pid) && (isOfCommand(entry) || isMarked(entry, marks)))
      members.set(entry.pid, entry);
  }
  for (const pid of cgroup === undefined ? [] : processesInCgroup(cgroup)) {
    const entry = spared.has(pid) ? undefined : readProcess(pid);
    if (entry !== undefined) members.set(pid, entry);
  }
  for (let before = -1; before < members.size;) {
    before = members.size;
    for (const entry of all) {
      if (!spared.has(entry.pid) && members.has(entry.parent)) members.set(entry.pid, entry);
    }
  }
  return [...members.values()];
};

const isMarked = ({ pid }: ProcessEntry, marks: readonly string[]): boolean => {
  if (marks.length === 0) return false;
  const environment = startEnvironmentOf(pid);
  return marks.every((mark) => environment.includes(mark));
};

const withAncestors = (pid: number, all: readonly ProcessEntry[]): Set<number> => {
  const parents = new Map(all.map((entry) => [entry.pid, entry.parent]));
  const line = new Set<number>();
  for (let next: number | undefined = pid; next !== undefined && !line.has(next); next = parents.get(next)) {
    line.add(next);
  }
  return line;
};

/**
 * Ends a family: TERM, and after `graceMs` milliseconds KILL. Resolves to whether all its processes are gone; it gives
 * up two seconds after KILL. Where there is no /proc, the group of the command is all that is known of it.
 */
export const endFamily = async (family: ProcessFamily, graceMs: number): Promise<boolean> =>
  (await signalUntilGone(family, 'SIGTERM', graceMs)) || (await killUntilGone(family));

/** A cgroup is killed as a whole, so that nobody in it gets away by starting another; not where it holds us too. */
const killUntilGone = (family: ProcessFamily): Promise<boolean> => {
  const { cgroup } = family;
  if (cgroup !== undefined) {
    const spared = withAncestors(process.pid, readProcesses());
    if (!processesInCgroup(cgroup).some((pid) => spared.has(pid))) killCgroup(cgroup);
  }
  return signalUntilGone(family, 'SIGKILL', KILL_WAIT_MS);
};

/** Signals each member once, also those that come up meanwhile. */
const signalUntilGone = async (
  family: ProcessFamily,
  signal: NodeJS.Signals,
  withinMs: number,
): Promise<boolean> => {
  const deadline = performance.now() + withinMs;
  const told = new Set<number>();
  let isGroupTold = false;
  for (let pollMs = POLL_MS.first; ; pollMs = Math.min(2 * pollMs, POLL_MS.longest)) {
    const members = findFamily(family);
    const { leader } = family;
    const isGroupThere = leader !== undefined && signalGroup(leader, isGroupTold ? 0 : signal);
    isGroupTold = true;
    if (hasProcTable() ? members.length === 0 : !isGroupThere) return true;
    for (const { pid, group } of members) {
      if (!told.has(pid) && group !== leader) sendSignal(pid, signal);
      told.add(pid);
    }
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await delay(Math.min(pollMs, leftMs));
  }
};

/** Signals all processes of a group at once; on Windows, which has no groups, the first process alone. */
const signalGroup = (leader: number, signal: NodeJS.Signals | 0): boolean =>
  sendSignal(process.platform === 'win32' ? leader : -leader, signal);

/** False where there is no such process or group any more. */
const sendSignal = (target: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(target, signal);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (code === 'ESRCH') return false;
    if (code === 'EPERM') return true; // there is one, of a user whom we may not signal
    throw thrown;
  }
};
