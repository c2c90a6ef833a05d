import type { LiveJob } from './live-job.js';

/** Once per heartbeat interval, ends the job nodes of live jobs whose nodes are silent for too long. */
export class SilenceWatch {
  /** Live jobs that may have silent nodes. */
  private readonly jobs = new Set<LiveJob>();
  private timer: NodeJS.Timeout | undefined;
  private checkedAt = 0;

  constructor(
    private readonly intervalMs: number,
    private readonly onChecked: () => void,
  ) {}

  start(): void {
    this.checkedAt = performance.now();
    this.timer = setInterval(() => this.check(), this.intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Watches a job if it has silent nodes. */
  watch(job: LiveJob): void {
    if (job.hasSilentNodes) this.jobs.add(job);
  }

  /** Skips a check that is late: if the server was stopped or busy, messages of nodes that seem silent may wait to be read. */
  private check(): void {
    const now = performance.now();
    const isLate = now - this.checkedAt > 2 * this.intervalMs;
    this.checkedAt = now;
    if (isLate) return;
    for (const job of this.jobs) {
      job.endLostContacts(now);
      if (!job.hasSilentNodes) this.jobs.delete(job);
    }
    this.onChecked();
  }
}
