/** What is asked for on the command line. */
export interface LoadOptions {
  /** How many nodes; a scenario is played once for each number. */
  readonly nodes: readonly number[];
  /** Measured repetitions. */
  readonly runs: number;
  /** How long heartbeats are measured, in seconds. */
  readonly seconds: number;
  /** Milliseconds from one heartbeat of a node to the next. */
  readonly heartbeatMs: number;
  /** Readers of one feed. */
  readonly readers: number;
  /** Jobs in the list. */
  readonly jobs: number;
  readonly profileFolder: string | undefined;
  /** Whether the server is in the grace period after a rotation of its keys. */
  readonly rotated: boolean;
  /** Whether the nodes do without the server's heartbeats. */
  readonly deaf: boolean;
}

/** Prints one line of the report. */
export const say = (text: string): void => void process.stdout.write(`${text}\n`);
