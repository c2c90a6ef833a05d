import type { JobAssignment, JobInput } from '../domain/job-machine.js';
import { messageOf } from '../../shared/lib/app-error.js';
import { err } from '../../shared/lib/result.js';
import type { JobRunner } from './job-runner.js';

/** Maximum number of preparations in progress. More than one is possible only if jobs are aborted meanwhile. */
const MAX_PREPARATIONS = 8;

/** What a preparation ends with. */
export type PreparationOutcome = Extract<JobInput, { kind: 'prepared' | 'declined' }>;

/**
 * Prepares jobs with the job runner. A job can be aborted while it is prepared and come again: then the earlier
 * preparation is discarded before the later one starts, and only the later one is reported.
 */
export class JobPreparer {
  /** The latest preparation of each job. */
  private readonly latest = new Map<string, Promise<void>>();
  private inProgress = 0;

  constructor(
    private readonly runner: Pick<JobRunner, 'prepare' | 'discard'>,
    private readonly report: (outcome: PreparationOutcome) => void,
    private readonly onBug: (thrown: unknown) => void,
  ) {}

  async prepare(assignment: JobAssignment): Promise<void> {
    const { jobId } = assignment;
    if (this.inProgress >= MAX_PREPARATIONS) {
      const reason = `busy: ${this.inProgress} jobs that were aborted are still being prepared`;
      this.report({ kind: 'declined', jobId, reason });
      return;
    }
    this.inProgress++;
    const earlier = this.latest.get(jobId);
    const preparation: Promise<void> = Promise.resolve(earlier).then(() =>
      this.run(assignment, () => this.latest.get(jobId) === preparation),
    );
    this.latest.set(jobId, preparation);
    try {
      await preparation;
    } finally {
      this.inProgress--;
      if (this.latest.get(jobId) === preparation) this.latest.delete(jobId);
    }
  }

  private async run(assignment: JobAssignment, isLatest: () => boolean): Promise<void> {
    const { jobId } = assignment;
    if (!isLatest()) return;
    const prepared = await this.runner.prepare(assignment).catch((thrown: unknown) => {
      this.onBug(thrown);
      return err(`cannot prepare the job: ${messageOf(thrown)}`); // the server waits for a vote
    });
    if (!isLatest()) await this.runner.discard(jobId).catch((thrown: unknown) => this.onBug(thrown));
    else if (prepared.ok) this.report({ kind: 'prepared', jobId });
    else this.report({ kind: 'declined', jobId, reason: prepared.error });
  }
}
