import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** A process that the test file started and did not end. */
export interface LeftoverProcess {
  readonly pid: number;
  /** Its command line. */
  readonly command: string;
}

/** Every descendant of this process inherits this environment variable. */
const MARK = 'PUSH_JOBS_TEST_FILE_PROCESS';

/** Marks this process, so that `findLeftoverProcesses` recognizes descendants whose parents have ended. */
export const markDescendants = (): void => {
  process.env[MARK] = String(process.pid);
};

/** Returns the live descendants of this process; an empty list on systems without /proc. */
export const findLeftoverProcesses = (): LeftoverProcess[] => {
  if (!existsSync('/proc/self/stat')) return [];
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid);
  return pids.flatMap((pid) => {
    try {
      return isDescendant(pid)
        ? [{ pid, command: readProc(pid, 'cmdline').replaceAll('\0', ' ').trim() }]
        : [];
    } catch {
      return []; // has just ended
    }
  });
};

const readProc = (pid: number, file: string): string => readFileSync(`/proc/${pid}/${file}`, 'utf8');

const isDescendant = (pid: number): boolean => {
  const stat = readProc(pid, 'stat');
  // The command in brackets may contain anything; state and parent follow it.
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === 'Z') return false; // has ended, but its parent has not reaped it
  return (
    Number(parent) === process.pid || readProc(pid, 'environ').split('\0').includes(`${MARK}=${process.pid}`)
  );
};

/** Returns the open TCP sockets and servers that keep this process alive, by their Node.js resource names. */
export const findOpenSockets = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap' || name === 'TCPServerWrap');
