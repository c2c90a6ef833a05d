import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { AppError, messageOf } from '../../src/shared/lib/app-error.js';

/** How a program ended, and its output. */
export interface ProgramResult {
  /** Its exit code; 128 or more if a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a program. */
export interface ProgramOptions {
  /** Environment variables in addition to those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** The program is killed after this many milliseconds (default: 60 s; 0: never). */
  readonly timeoutMs?: number;
  /** Aborting it ends the program with TERM, then with KILL if that takes too long. */
  readonly signal?: AbortSignal;
  /** Receives the output at once; the result then has none. */
  readonly onOutput?: (chunk: string) => void;
}

/** Runs a program without a shell. Throws an AppError `program_missing` if it cannot be started. */
export type RunProgram = (
  program: string,
  args: readonly string[],
  options?: ProgramOptions,
) => Promise<ProgramResult>;

const TIMEOUT_MS = 60_000;
const KILLED_CODE = 137;
/** Time from TERM to KILL. */
const KILL_AFTER_MS = 15_000;

/** Runs programs of this machine. */
export const runProgram: RunProgram = async (program, args, options = {}) => {
  const { env, timeoutMs = TIMEOUT_MS, signal, onOutput } = options;
  const child = spawn(program, [...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  let killing: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGTERM');
    killing = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  };
  signal?.addEventListener('abort', end, { once: true });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      if (onOutput === undefined) output[name] += chunk;
      else onOutput(chunk);
    });
  }
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? KILLED_CODE, ...output };
  } catch (thrown) {
    throw new AppError('program_missing', `cannot run ${program}: ${messageOf(thrown)}`);
  } finally {
    signal?.removeEventListener('abort', end);
    clearTimeout(killing);
  }
};

/** Returns a program's output for an error message, standard error last; its exit code if there is no output. */
export const outputOf = ({ code, stdout, stderr }: ProgramResult): string => {
  const text = `${stdout}\n${stderr}`.trim();
  return text === '' ? `exit code ${code}` : text;
};
