import type { Clock } from '../src/shared/lib/clock.js';
import type { EndHandler } from './lib/end-signals.js';
import type { RunProgram } from './lib/run-program.js';

/** Where output goes, for example `process.stdout`. */
export interface OutputStream {
  write(chunk: string | Uint8Array): unknown;
}

/** What the server's package installs. */
export interface InstalledProgram {
  /** The Node.js binary. */
  readonly node: string;
  /** The server's main file. */
  readonly server: string;
  /** The node client's main file, for the smoke test. */
  readonly client: string;
  readonly version: string;
}

/** The program's environment, except files below the root, sockets and the database. Tests replace it. */
export interface CtlEnvironment {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** User id of this process; 0 is root. */
  readonly uid: number;
  /** The current folder. */
  readonly cwd: string;
  /** The user's home folder, for `~` in the settings. */
  readonly home: string;
  readonly clock: Clock;
  /** Resolves after this many milliseconds. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly run: RunProgram;
  /** Calls the handler, instead of ending at once, when a signal asks the program to end. The returned function unregisters it. */
  readonly onEndSignal: (handler: EndHandler) => () => void;
  readonly installed: InstalledProgram;
}
