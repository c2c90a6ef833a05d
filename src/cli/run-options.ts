import type { Argv } from 'yargs';

/** The options that `job start` and `job rerun` share, as given on the command line. */
export interface RunOptions {
  readonly quorum: string;
  readonly nowait: boolean;
  readonly pollInterval: string;
  readonly output: boolean;
  readonly showOutput: boolean;
  readonly batch: string | undefined;
  readonly batchWait: string | undefined;
  readonly maxFailures: string | undefined;
}

/** Declares the options that `job start`, `job rerun` and `job watch` share. */
export const addFollowOptions = <T>(yargs: Argv<T>) =>
  yargs
    .option('poll-interval', {
      type: 'string',
      requiresArg: true,
      default: '1',
      describe: 'Seconds between progress lines, and between polls if the job feed is not available',
    })
    .option('output', {
      type: 'boolean',
      default: false,
      describe: 'Print the output of the nodes while they run, with the node name before each line',
    })
    .option('show-output', {
      type: 'boolean',
      default: false,
      describe: 'Print the output of each node when it is done, with the node name before each line',
    });

/** Declares the options that `job start` and `job rerun` share. */
export const addRunOptions = <T>(yargs: Argv<T>) =>
  addFollowOptions(yargs)
    .option('quorum', {
      alias: 'q',
      type: 'string',
      requiresArg: true,
      default: '100%',
      describe: 'Number of nodes that must be ready: N, or N% of all nodes (rounded up)',
    })
    .option('nowait', {
      alias: 'b',
      type: 'boolean',
      default: false,
      describe: 'Start the job and do not wait for its end',
    })
    .option('batch', {
      type: 'string',
      requiresArg: true,
      describe: 'Run on N nodes, or N% of all nodes, at a time; each batch is a job with its own quorum',
    })
    .option('batch-wait', {
      type: 'string',
      requiresArg: true,
      describe: 'Seconds to wait between two batches (default 0)',
    })
    .option('max-failures', {
      type: 'string',
      requiresArg: true,
      describe: 'Start no further batch if more nodes than this have failed (default 0)',
    });
