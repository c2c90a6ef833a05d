import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { AppError, messageOf } from '../../src/shared/lib/app-error.js';

/** How another program ended. */
export interface ProgramResult {
  /** Its exit code; 128 and more where a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How another program is run. */
export interface ProgramOptions {
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** It is ended after so many milliseconds (default: 60 s; 0: never). */
  readonly timeoutMs?: number;
  /** Ends it with TERM, and with KILL where that takes too long. */
  readonly signal?: AbortSignal;
  /** Gets what it writes, at once, in place of the result. */
  readonly onOutput?: (chunk: string) => void;
}

/** Runs another program without a shell; throws an AppError `program_missing` where it cannot be started. */
export type RunProgram = (
  program: string,
  args: readonly string[],
  options?: ProgramOptions,
) => Promise<ProgramResult>;

const TIMEOUT_MS = 60_000;
const KILLED_CODE = 137;
/** The longest that a program that was told to end is waited for. */
const END_WITHIN_MS = 15_000;

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
    killing = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
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

/** What a program said, for an error message: what went wrong stands last. */
export const saidBy = ({ code, stdout, stderr }: ProgramResult): string => {
  const said = `${stdout}\n${stderr}`.trim();
  return said === '' ? `exit code ${code}` : said;
};
