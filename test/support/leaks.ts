import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** A process that somebody started and did not end. */
export interface LeftProcess {
  readonly pid: number;
  /** Its command line. */
  readonly command: string;
}

/** Whoever inherits this variable of the environment was started by this test file, however far down the line. */
const MARK = 'PUSH_JOBS_TEST_FILE_PROCESS';

/** Marks this process, so that `findLeftProcesses` knows its descendants even after their parents have gone. */
export const markDescendants = (): void => {
  process.env[MARK] = String(process.pid);
};

/** The processes, alive now, that descend from this one; only where there is a /proc (Linux). */
export const findLeftProcesses = (): LeftProcess[] => {
  if (!existsSync('/proc/self/stat')) return [];
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid);
  return pids.flatMap((pid) => {
    try {
      return isOurs(pid) ? [{ pid, command: readProc(pid, 'cmdline').replaceAll('\0', ' ').trim() }] : [];
    } catch {
      return []; // ended while we looked
    }
  });
};

const readProc = (pid: number, file: string): string => readFileSync(`/proc/${pid}/${file}`, 'utf8');

const isOurs = (pid: number): boolean => {
  const stat = readProc(pid, 'stat');
  // After the command in brackets, which may hold anything: the state and the parent.
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === 'Z') return false; // has ended, its parent has not yet looked
  return (
    Number(parent) === process.pid || readProc(pid, 'environ').split('\0').includes(`${MARK}=${process.pid}`)
  );
};

/** The open TCP sockets and servers that keep this process alive, by the names that Node.js gives them. */
export const findOpenSockets = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap' || name === 'TCPServerWrap');
