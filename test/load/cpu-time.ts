import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second: the unit that Linux uses in /proc, whatever its own clock. */
const TICKS_PER_SECOND = 100;

/** Reads a file below `/proc`; undefined if its process or thread has ended. */
const readProcFile = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined; // has ended since it was listed
  }
};

const listFolder = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return []; // has ended
  }
};

/** The fields of `/proc/PID/stat` from the third on; the second is the program's name, which may contain spaces. */
const statOf = (pid: number): string[] => {
  const stat = readProcFile(`/proc/${pid}/stat`) ?? '';
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};

/** Returns the parent of a process. */
export const parentOf = (pid: number): number => Number(statOf(pid)[1]);

/** Returns the seconds of CPU, user and system, that a process has used, with the precision of nanoseconds. */
export const cpuOf = (pid: number): number => {
  const threads = listFolder(`/proc/${pid}/task`);
  const nanoseconds = threads.map((thread) => {
    const schedstat = readProcFile(`/proc/${pid}/task/${thread}/schedstat`);
    return Number(schedstat?.split(' ')[0] ?? 0);
  });
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e9;
};

/** Returns the seconds of CPU of a process and its children; of ended children with the precision of clock ticks. */
export const cpuOfFamily = (pid: number): number => {
  const children = listFolder('/proc')
    .map(Number)
    .filter((process) => Number.isInteger(process) && parentOf(process) === pid);
  const [endedUser = 0, endedSystem = 0] = statOf(pid).slice(13, 15).map(Number);
  const ended = (endedUser + endedSystem) / TICKS_PER_SECOND;
  return [pid, ...children].reduce((sum, process) => sum + cpuOf(process), ended);
};

/** Returns the resident memory of a process in kB. */
export const memoryKbOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readProcFile(`/proc/${pid}/status`) ?? '')?.[1] ?? 0);
