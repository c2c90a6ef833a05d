import type { Clock } from '../src/shared/lib/clock.js';
import type { EndHandler } from './lib/end-signals.js';
import type { RunProgram } from './lib/run-program.js';

/** Where output goes; `process.stdout` and `process.stderr` are such. */
export interface OutputStream {
  write(chunk: string | Uint8Array): unknown;
}

/** What a package installs. */
export interface InstalledProgram {
  /** The Node.js binary. */
  readonly node: string;
  /** The server's main file. */
  readonly server: string;
  /** The node client's main file, for the smoke test. */
  readonly client: string;
  readonly version: string;
}

/** All that the program touches of the world around it, but for files below the root, sockets and the database. */
export interface CtlEnvironment {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Number of the user that runs it; 0 is root. */
  readonly uid: number;
  /** The current folder. */
  readonly cwd: string;
  /** The user's home folder, for `~` in the settings. */
  readonly home: string;
  readonly clock: Clock;
  /** Waits so many milliseconds. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly run: RunProgram;
  /** Has the handler called, in place of an end at once, when the program is asked to end; call what is returned to stop that. */
  readonly onEndSignal: (handler: EndHandler) => () => void;
  readonly installed: InstalledProgram;
}
