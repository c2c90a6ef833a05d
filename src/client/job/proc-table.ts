import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** A process in Linux's /proc. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** In clock ticks since boot; with the process id it identifies a process until the next boot. */
  readonly startTime: string;
}

/** Whether this system has Linux's /proc. */
export const hasProcTable = (): boolean => existsSync('/proc/self/stat');

/** Reads one process; undefined if it does not exist or is a zombie. */
export const readProcess = (pid: number): ProcessEntry | undefined => {
  const stat = readProc(`${pid}/stat`);
  // The fields follow the command in brackets, which may contain any characters: state, parent, group, session, …
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const [state, parent, group, session] = fields;
  const startTime = fields[19];
  if (startTime === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, parent: Number(parent), group: Number(group), session: Number(session), startTime };
};

/** Reads all processes except zombies. */
export const readProcesses = (): ProcessEntry[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);

/** Reads the variables that a process was started with, as `NAME=value`; empty if we have no permission. */
export const readStartEnvironment = (pid: number): readonly string[] =>
  readProc(`${pid}/environ`)?.split('\0') ?? [];

/** Reads the id of the current boot of this machine; undefined if the system has none. */
export const readBootId = (): string | undefined => readProc('sys/kernel/random/boot_id')?.trim();

const readProc = (path: string): string | undefined => {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return undefined; // the process ended, or belongs to another user
  }
};
