import { spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { errorCode } from '../lib/app-error.js';

/** How a small system program ended. */
export interface ToolResult {
  readonly exitCode: number | null;
  readonly stdout: string;
}

/** A tool that takes longer hangs (for example on an unreachable directory service) and is killed. */
const TOOL_TIMEOUT_MS = 10_000;

/**
 * Runs a small system program without a shell and returns its output; undefined if it is not installed. The program gets
 * the descriptor `inherited` as its descriptor 3.
 */
export const runTool = async (
  program: string,
  args: readonly string[],
  inherited?: number,
): Promise<ToolResult | undefined> => {
  const stdio: StdioOptions = ['ignore', 'pipe', 'ignore', ...(inherited === undefined ? [] : [inherited])];
  const child = spawn(program, args, { stdio, timeout: TOOL_TIMEOUT_MS, killSignal: 'SIGKILL' });
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  try {
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { exitCode, stdout };
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
};
