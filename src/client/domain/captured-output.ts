import type { JobOutcome } from './job-machine.js';

/** Captured output as it is sent. */
export interface CapturedOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** Longest line that says how much was cut, in bytes. */
const CUT_LINE_BYTES = 100;

/** The bytes that a string takes in JSON, without the quotes. */
export const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

/**
 * Makes captured output fit into `budget` bytes of JSON. Bytes that are not UTF-8 become U+FFFD, and so does NUL, which
 * the server's database cannot hold. Of what is too long the end is kept, for that is where commands say what went
 * wrong, under a line that says how many bytes were cut. The two channels share the room; what one leaves is the other's.
 */
export const fitOutput = (output: NonNullable<JobOutcome['output']>, budget: number): CapturedOutput => {
  const stdout = toText(output.stdout);
  const stderr = toText(output.stderr);
  const half = Math.floor(budget / 2);
  const stdoutNeeds = jsonBytes(stdout) + (output.lost.stdout > 0 ? CUT_LINE_BYTES : 0);
  const stderrNeeds = jsonBytes(stderr) + (output.lost.stderr > 0 ? CUT_LINE_BYTES : 0);
  const stdoutRoom = Math.max(half, budget - stderrNeeds);
  const stderrRoom = Math.max(budget - half, budget - stdoutNeeds);
  return {
    stdout: keepEnd(stdout, output.lost.stdout, stdoutRoom),
    stderr: keepEnd(stderr, output.lost.stderr, stderrRoom),
  };
};

const toText = (bytes: Buffer): string => bytes.toString('utf8').replaceAll('\0', '\ufffd');

const keepEnd = (text: string, alreadyLost: number, room: number): string => {
  if (alreadyLost === 0 && jsonBytes(text) <= room) return text;
  const kept = tailOf(text, room - CUT_LINE_BYTES);
  const cut = alreadyLost + Buffer.byteLength(text) - Buffer.byteLength(kept);
  const line = `[push-jobs-client: the first ${cut} bytes of output were cut]\n`;
  return room < CUT_LINE_BYTES ? '' : line + kept;
};

/** The longest end of a text, of whole characters, that takes at most `room` bytes in JSON. */
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
