import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** A process as Linux shows it in /proc. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since the machine started; with the process id it names a process for good. */
  readonly startTime: string;
}

/** Whether this system shows its processes; others than Linux do not. */
export const hasProcTable = (): boolean => existsSync('/proc/self/stat');

/** One process; undefined where there is none of this number, or it has ended and only its parent has not looked. */
export const readProcess = (pid: number): ProcessEntry | undefined => {
  const stat = readProc(`${pid}/stat`);
  // After the command in brackets, which may hold anything: state, parent, group, session, …
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const [state, parent, group, session] = fields;
  const startTime = fields[19];
  if (startTime === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, parent: Number(parent), group: Number(group), session: Number(session), startTime };
};

/** All processes that have not ended. */
export const readProcesses = (): ProcessEntry[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);

/** The variables that a process was started with, as `NAME=value`; none where we may not look. */
export const startEnvironmentOf = (pid: number): readonly string[] =>
  readProc(`${pid}/environ`)?.split('\0') ?? [];

/** Another after each start of the machine; undefined where the system does not tell. */
export const bootId = (): string | undefined => readProc('sys/kernel/random/boot_id')?.trim();

const readProc = (path: string): string | undefined => {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return undefined; // ended while we looked, or another user's
  }
};
