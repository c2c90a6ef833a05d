import type { CommandResult } from './job-machine.js';

/** Captured output as the result message contains it. */
export interface CapturedOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** Maximum length of the line that reports how much was cut. */
const MAX_CUT_LINE_BYTES = 100;

/** Returns the length of a string in JSON, in bytes and without the quotes. */
export const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

/**
 * Converts captured output to text of at most `budget` bytes of JSON. Invalid UTF-8 becomes U+FFFD, and so does NUL,
 * which the server's database cannot store. Text that is too long keeps its end, because commands report errors there;
 * a first line reports how many bytes were cut. Each channel may use what the other channel leaves of the budget.
 */
export const truncateOutput = (
  output: NonNullable<CommandResult['output']>,
  budget: number,
): CapturedOutput => {
  const stdout = toText(output.stdout);
  const stderr = toText(output.stderr);
  const half = Math.floor(budget / 2);
  const stdoutNeeds = jsonBytes(stdout) + (output.droppedBytes.stdout > 0 ? MAX_CUT_LINE_BYTES : 0);
  const stderrNeeds = jsonBytes(stderr) + (output.droppedBytes.stderr > 0 ? MAX_CUT_LINE_BYTES : 0);
  const stdoutRoom = Math.max(half, budget - stderrNeeds);
  const stderrRoom = Math.max(budget - half, budget - stdoutNeeds);
  return {
    stdout: keepEnd(stdout, output.droppedBytes.stdout, stdoutRoom),
    stderr: keepEnd(stderr, output.droppedBytes.stderr, stderrRoom),
  };
};

const toText = (bytes: Buffer): string => bytes.toString('utf8').replaceAll('\0', '\ufffd');

const keepEnd = (text: string, alreadyLost: number, room: number): string => {
  if (alreadyLost === 0 && jsonBytes(text) <= room) return text;
  const kept = tailOf(text, room - MAX_CUT_LINE_BYTES);
  const cut = alreadyLost + Buffer.byteLength(text) - Buffer.byteLength(kept);
  const line = `[push-jobs-client: the first ${cut} bytes of output were cut]\n`;
  return room < MAX_CUT_LINE_BYTES ? '' : line + kept;
};

/** Returns the longest end of a text that consists of whole characters and takes at most `room` bytes in JSON. */
const tailOf = (text: string, room: number): string => {
  let start = text.length;
  for (let left = room; start > 0;) {
    const pair = start > 1 && /[\uDC00-\uDFFF]/.test(text.charAt(start - 1));
    const step = pair ? 2 : 1;
    left -= jsonBytes(text.slice(start - step, start));
    if (left < 0) break;
    start -= step;
  }
  return text.slice(start);
};
