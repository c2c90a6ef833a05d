import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks in a second; Linux shows every program 100, whatever its own clock. */
const TICKS_PER_SECOND = 100;

/** Reads a file below `/proc`; undefined where its process or thread has ended. */
const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined; // gone since it was listed
  }
};

const list = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return []; // gone
  }
};

/** The fields of `/proc/PID/stat` from the third on: the second is the program's name, with spaces perhaps. */
const statOf = (pid: number): string[] => {
  const stat = read(`/proc/${pid}/stat`) ?? '';
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};

/** The parent of a process. */
export const parentOf = (pid: number): number => Number(statOf(pid)[1]);

/** Seconds of CPU, user and system, that a process has used: the nanoseconds that the kernel counts for each thread. */
export const cpuOf = (pid: number): number => {
  const threads = list(`/proc/${pid}/task`);
  const nanoseconds = threads.map((thread) => {
    const schedstat = read(`/proc/${pid}/task/${thread}/schedstat`);
    return Number(schedstat?.split(' ')[0] ?? 0);
  });
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e9;
};

/** Seconds of CPU that a process and its children have used, also those that have ended (these by clock ticks). */
export const cpuOfFamily = (pid: number): number => {
  const children = list('/proc')
    .map(Number)
    .filter((process) => Number.isInteger(process) && parentOf(process) === pid);
  const [endedUser = 0, endedSystem = 0] = statOf(pid).slice(13, 15).map(Number);
  const ended = (endedUser + endedSystem) / TICKS_PER_SECOND;
  return [pid, ...children].reduce((sum, process) => sum + cpuOf(process), ended);
};
