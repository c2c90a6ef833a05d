import type { Clock } from '../shared/lib/clock.js';

/** Where output goes; `process.stdout` and `process.stderr` are such. */
export interface OutputStream {
  write(chunk: string | Uint8Array): unknown;
  /** Whether a person looks at it. */
  readonly isTTY?: boolean | undefined;
  /** Its width in characters, where it is a terminal. */
  readonly columns?: number | undefined;
  /** Its height in lines. */
  readonly rows?: number | undefined;
}

/** All that the command line touches of the world around it, but for files and the network. */
export interface CliEnvironment {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The current folder. */
  readonly cwd: string;
  /** The user's home folder. */
  readonly home: string;
  readonly clock: Clock;
  /** Calls `handler` at each Ctrl-C in place of ending the program, until the function that it returns is called. */
  readonly onInterrupt: (handler: () => void) => () => void;
}
