/** Options of the command line. */
export interface LoadOptions {
  /** Numbers of nodes; a scenario runs once for each. */
  readonly nodes: readonly number[];
  /** Measured repetitions. */
  readonly runs: number;
  /** Duration of the `heartbeats` scenario in seconds. */
  readonly seconds: number;
  /** Milliseconds from one heartbeat of a node to the next. */
  readonly heartbeatMs: number;
  /** Number of readers of a feed. */
  readonly readers: number;
  /** Number of jobs in the list. */
  readonly jobs: number;
  readonly profileFolder: string | undefined;
  /** Whether the server is in the grace period of a key rotation. */
  readonly rotated: boolean;
  /** Whether the nodes do not listen for the server's heartbeats. */
  readonly deaf: boolean;
  /** Duration of the `chaos` scenario in minutes. */
  readonly minutes: number;
  /** Kinds of faults, separated by commas. */
  readonly faults: string;
  /** Determines the random faults and jobs. */
  readonly seed: number | undefined;
}

/** Prints a line of the report. */
export const print = (text: string): void => void process.stdout.write(`${text}\n`);
