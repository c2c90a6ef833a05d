import type { JobReport } from './domain/job-machine.js';

/** Maximum number of waiting reports; the oldest ones are dropped beyond it. Normally only one or two wait. */
const MAX_REPORTS = 32;

/**
 * Sends job reports in order and keeps those that could not be sent until the next connection.
 * See docs/spec/node-client.md, "Messages without a connection".
 */
export class ReportOutbox {
  private readonly reports: JobReport[] = [];
  private sending = false;
  private lastFlush: Promise<void> = Promise.resolve();

  /** `send` resolves to false if there is no connection. */
  constructor(
    private readonly send: (report: JobReport) => Promise<boolean>,
    private readonly onBug: (thrown: unknown) => void,
  ) {}

  get isEmpty(): boolean {
    return this.reports.length === 0;
  }

  add(report: JobReport): void {
    this.reports.push(report);
    if (this.reports.length > MAX_REPORTS) this.reports.shift();
    this.flush();
  }

  /** Starts to send the waiting reports, unless that is in progress. */
  flush(): void {
    if (!this.sending) this.lastFlush = this.sendAll().catch((thrown: unknown) => this.onBug(thrown));
  }

  /** Resolves when nothing is being sent; reports may still wait for a connection. */
  settled(): Promise<void> {
    return this.lastFlush;
  }

  private async sendAll(): Promise<void> {
    this.sending = true;
    try {
      for (let [report] = this.reports; report !== undefined; [report] = this.reports) {
        if (!(await this.send(report))) return;
        this.reports.shift();
      }
    } finally {
      this.sending = false;
    }
  }
}
