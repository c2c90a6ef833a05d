import type { Logger } from 'pino';
import type { Clock } from '../../shared/lib/clock.js';
import type { CommandResult, JobReport } from '../domain/job-machine.js';
import type { JobJournal, UnconfirmedResult } from './job-journal.js';

/** A result that was not confirmed for this long is dropped. */
const MAX_AGE_MS = 24 * 3_600_000;

/** A result that was sent and not confirmed is sent again over the same connection after this long. */
const REPEAT_MS = 60_000;

/** The report of a result. */
export type ResultReport = Extract<JobReport, { type: 'succeeded' | 'failed' }>;

/**
 * The results that the server has not confirmed. They are in the journal, so that they survive the client, and are sent
 * again until they are confirmed or too old. See docs/spec/node-client.md, "Results are kept until they are stored".
 */
export class KeptResults {
  /** When the result of a job was last sent over the current connection; monotonic milliseconds. */
  private readonly sentAt = new Map<string, number>();

  constructor(
    private readonly journal: JobJournal,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  get count(): number {
    return this.journal.results.length;
  }

  has(jobId: string): boolean {
    return this.journal.results.some(({ job_id: id }) => id === jobId);
  }

  /** Another connection was opened: whatever was sent over the last one may be lost. */
  connectionOpened(): void {
    this.sentAt.clear();
  }

  sent(jobId: string, nowMs: number): void {
    if (this.has(jobId)) this.sentAt.set(jobId, nowMs);
  }

  /** Returns the results that must be sent now, oldest first, and drops those that are too old. */
  async due(nowMs: number): Promise<ResultReport[]> {
    const isTooOld = ({ ended_at: at }: UnconfirmedResult): boolean => this.clock.now() - at > MAX_AGE_MS;
    for (const result of this.journal.results.filter(isTooOld)) {
      this.log.error(
        { job: result.job_id },
        'dropped a result that the server has not confirmed for 24 hours',
      );
      await this.forget(result.job_id);
    }
    return this.journal.results
      .filter(({ job_id: id }) => nowMs - (this.sentAt.get(id) ?? -Infinity) >= REPEAT_MS)
      .map(toReport);
  }

  /** The server has stored the result. */
  async confirmed(jobId: string): Promise<void> {
    await this.forget(jobId);
  }

  /** The server can never store the result. */
  async rejected(jobId: string): Promise<void> {
    if (this.has(jobId)) this.log.warn({ job: jobId }, 'dropped a result: the server does not know its job');
    await this.forget(jobId);
  }

  /** The result needs no confirmation: the job was aborted, or the server confirms nothing. */
  async forget(jobId: string): Promise<void> {
    this.sentAt.delete(jobId);
    await this.journal.forgetResult(jobId);
  }
}

/** Converts a result for the journal. `endedAt` is in milliseconds since 1970. */
export const toUnconfirmedResult = (
  jobId: string,
  { exitCode, signal, durationMs, output, reason }: CommandResult,
  endedAt: number,
): UnconfirmedResult => ({
  job_id: jobId,
  exit_code: exitCode,
  signal,
  duration_ms: durationMs,
  ...(reason === undefined ? {} : { reason }),
  ended_at: endedAt,
  ...(output === undefined
    ? {}
    : {
        output: {
          stdout: output.stdout.toString('base64'),
          stderr: output.stderr.toString('base64'),
          dropped_bytes: output.droppedBytes,
        },
      }),
});

const toReport = (kept: UnconfirmedResult): ResultReport => {
  const { output } = kept;
  const result: CommandResult = {
    exitCode: kept.exit_code,
    signal: kept.signal,
    durationMs: kept.duration_ms,
    ...(kept.reason === undefined ? {} : { reason: kept.reason }),
    ...(output === undefined
      ? {}
      : {
          output: {
            stdout: Buffer.from(output.stdout, 'base64'),
            stderr: Buffer.from(output.stderr, 'base64'),
            droppedBytes: output.dropped_bytes,
          },
        }),
  };
  return { type: kept.exit_code === 0 ? 'succeeded' : 'failed', jobId: kept.job_id, result };
};
