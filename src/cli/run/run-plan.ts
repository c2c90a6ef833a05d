import { parseSeconds, parseWholeNumber } from '../job-options/number-option.js';
import { validateQuorum } from '../job-options/quorum.js';
import type { RunOptions } from '../run-options.js';
import { UsageError } from '../../shared/lib/usage-error.js';
import { validateBatchSize } from './batch-size.js';

/** Whether the output of nodes is printed: never, when each node is done, or while they run. */
export type OutputMode = 'none' | 'when_done' | 'live';

/** How a job is run in batches of its nodes. */
export interface BatchPlan {
  /** `N` or `N%`. */
  readonly size: string;
  /** Wait between the end of a batch and the start of the next. */
  readonly waitMs: number;
  /** If more nodes have failed, no further batch is started. */
  readonly maxFailures: number;
}

/** The validated options for running a job. */
export interface RunPlan {
  /** `N` or `N%`. */
  readonly quorum: string;
  readonly waitsForEnd: boolean;
  readonly pollIntervalMs: number;
  readonly output: OutputMode;
  readonly batches: BatchPlan | undefined;
}

/** Returns the output mode; throws a UsageError if `--output` and `--show-output` are both given. */
export const parseOutputMode = ({
  output,
  showOutput,
}: Pick<RunOptions, 'output' | 'showOutput'>): OutputMode => {
  if (output && showOutput) throw new UsageError('use either --output or --show-output, not both');
  if (output) return 'live';
  return showOutput ? 'when_done' : 'none';
};

/** Validates the options; throws an AppError that names an invalid one. */
export const parseRunPlan = (options: RunOptions): RunPlan => {
  validateQuorum(options.quorum);
  const output = parseOutputMode(options);
  if (options.nowait && output !== 'none') {
    const name = output === 'live' ? '--output' : '--show-output';
    throw new UsageError(
      `--nowait cannot be used with ${name}; use --capture to keep the output on the server`,
    );
  }
  return {
    quorum: options.quorum,
    waitsForEnd: !options.nowait,
    pollIntervalMs: parseSeconds('--poll-interval', options.pollInterval),
    output,
    batches: parseBatchPlan(options),
  };
};

const parseBatchPlan = ({ batch, batchWait, maxFailures, nowait }: RunOptions): BatchPlan | undefined => {
  if (batch === undefined) {
    if (batchWait !== undefined) throw new UsageError('--batch-wait requires --batch');
    if (maxFailures !== undefined) throw new UsageError('--max-failures requires --batch');
    return undefined;
  }
  if (nowait)
    throw new UsageError('--nowait cannot be used with --batch: each batch waits for the previous one');
  validateBatchSize(batch);
  return {
    size: batch,
    waitMs: batchWait === undefined || batchWait === '0' ? 0 : parseSeconds('--batch-wait', batchWait),
    maxFailures: maxFailures === undefined ? 0 : parseWholeNumber('--max-failures', maxFailures, 0),
  };
};
