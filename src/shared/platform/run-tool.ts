import { spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';

/** How a small system program ended. */
export interface ToolResult {
  readonly exitCode: number | null;
  readonly stdout: string;
}

/** No tool that is used here takes long; one that hangs (a directory service that is away) is ended. */
const TOOL_TIMEOUT_MS = 10_000;

/**
 * Runs a small system program without a shell and hands back what it said; undefined where it is not installed.
 * `inherited` is a descriptor that it gets as its number 3.
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
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
};
