import type { Clock } from '../shared/lib/clock.js';

/** An output stream, like `process.stdout`. */
export interface OutputStream {
  write(chunk: string | Uint8Array): unknown;
  /** Whether the stream is a terminal. */
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal in characters. */
  readonly columns?: number | undefined;
  /** Height of the terminal in lines. */
  readonly rows?: number | undefined;
}

/** The process environment of the command line, except for files and the network. */
export interface CliEnvironment {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of the current folder. */
  readonly cwd: string;
  /** Path of the user's home folder. */
  readonly home: string;
  readonly clock: Clock;
  /** Calls `handler` at each Ctrl-C instead of ending the program. The returned function restores the default. */
  readonly onInterrupt: (handler: () => void) => () => void;
}
