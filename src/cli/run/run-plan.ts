import type { Argv } from 'yargs';
import { readSeconds, readWholeNumber } from '../job-options/number-option.js';
import { checkQuorum } from '../job-options/quorum.js';
import { UsageError } from '../../shared/lib/usage-error.js';
import { checkBatchSize } from './batch-size.js';

/** How a job is run, as the options say. */
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

/** Whether what nodes write is printed: not, when each is done, or while they run. */
export type OutputMode = 'none' | 'when_done' | 'live';

/** How a job runs on parts of its nodes, one after the other. */
export interface RollingPlan {
  /** `N` or `N%`. */
  readonly size: string;
  /** Milliseconds between the end of one and the start of the next. */
  readonly waitMs: number;
  /** With more failed nodes than that no further part is started. */
  readonly maxFailures: number;
}

/** The same, checked. */
export interface RunPlan {
  /** `N` or `N%`. */
  readonly quorum: string;
  readonly waits: boolean;
  readonly pollIntervalMs: number;
  readonly output: OutputMode;
  readonly rolling: RollingPlan | undefined;
}

/** Declares the options of how a job is followed. */
export const addFollowOptions = <T>(yargs: Argv<T>) =>
  yargs
    .option('poll-interval', {
      type: 'string',
      requiresArg: true,
      default: '1',
      describe: 'Seconds between lines of progress, and between questions where there is no feed',
    })
    .option('output', {
      type: 'boolean',
      default: false,
      describe: 'Print what the nodes write while they run, each line with the name of the node before it',
    })
    .option('show-output', {
      type: 'boolean',
      default: false,
      describe: 'Print what each node wrote once it is done, each line with the name of the node before it',
    });

/** Reads what is to be done about output; throws a UsageError where that is two things. */
export const readOutputMode = ({
  output,
  showOutput,
}: Pick<RunOptions, 'output' | 'showOutput'>): OutputMode => {
  if (output && showOutput) throw new UsageError('give either --output or --show-output, not both');
  if (output) return 'live';
  return showOutput ? 'when_done' : 'none';
};

/** Declares the options of how a job is run. */
export const addRunOptions = <T>(yargs: Argv<T>) =>
  addFollowOptions(yargs)
    .option('quorum', {
      alias: 'q',
      type: 'string',
      requiresArg: true,
      default: '100%',
      describe: 'Nodes that must be ready, N or N% (rounded up)',
    })
    .option('nowait', {
      alias: 'b',
      type: 'boolean',
      default: false,
      describe: 'Return once the job is started',
    })
    .option('batch', {
      type: 'string',
      requiresArg: true,
      describe:
        'Run on so many nodes at a time, N or N%: a job and a quorum for each batch, one after the other',
    })
    .option('batch-wait', {
      type: 'string',
      requiresArg: true,
      describe: 'Seconds between two batches (default 0)',
    })
    .option('max-failures', {
      type: 'string',
      requiresArg: true,
      describe: 'Start no further batch once more nodes than that have failed (default 0)',
    });

/** Checks the options; throws an AppError that says which is wrong. */
export const readRunPlan = (options: RunOptions): RunPlan => {
  checkQuorum(options.quorum);
  const output = readOutputMode(options);
  if (options.nowait && output !== 'none') {
    const name = output === 'live' ? '--output' : '--show-output';
    throw new UsageError(`--nowait does not go with ${name}; to keep the output for later, give --capture`);
  }
  return {
    quorum: options.quorum,
    waits: !options.nowait,
    pollIntervalMs: readSeconds('--poll-interval', options.pollInterval),
    output,
    rolling: readRolling(options),
  };
};

const readRolling = ({ batch, batchWait, maxFailures, nowait }: RunOptions): RollingPlan | undefined => {
  if (batch === undefined) {
    if (batchWait !== undefined) throw new UsageError('--batch-wait goes with --batch');
    if (maxFailures !== undefined) throw new UsageError('--max-failures goes with --batch');
    return undefined;
  }
  if (nowait) throw new UsageError('--nowait does not go with --batch: a batch waits for the one before it');
  checkBatchSize(batch);
  return {
    size: batch,
    waitMs: batchWait === undefined || batchWait === '0' ? 0 : readSeconds('--batch-wait', batchWait),
    maxFailures: maxFailures === undefined ? 0 : readWholeNumber('--max-failures', maxFailures, 0),
  };
};
