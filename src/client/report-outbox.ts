import type { JobReport } from './domain/job-machine.js';

/** Maximum number of waiting reports that are not results; the oldest ones are dropped beyond it. */
const MAX_REPORTS = 32;

/** Whether a report is the result of a command. */
export const isResultReport = (report: JobReport): report is Extract<JobReport, { result: unknown }> =>
  'result' in report;

/**
 * Sends job reports in order and keeps those that could not be sent until the next connection. It never drops a result.
 * See docs/spec/node-client.md, "Messages without a connection".
 */
export class ReportOutbox {
  /** Oldest first. While `sending`, the first one is in flight. */
  private readonly reports: JobReport[] = [];
  private sending = false;
  private lastFlush: Promise<void> = Promise.resolve();
  private results = 0;

  /** `send` resolves to false if there is no connection. */
  constructor(
    private readonly send: (report: JobReport) => Promise<boolean>,
    private readonly onBug: (thrown: unknown) => void,
  ) {}

  get isEmpty(): boolean {
    return this.reports.length === 0;
  }

  /** How many results wait or are being sent. */
  get waitingResults(): number {
    return this.results;
  }

  add(report: JobReport): void {
    this.reports.push(report);
    if (isResultReport(report)) this.results++;
    else this.dropOldest();
    this.flush();
  }

  /** Whether the result of this job waits or is being sent. */
  hasResultOf(jobId: string): boolean {
    return this.reports.some((report) => isResultReport(report) && report.jobId === jobId);
  }

  /** Starts to send the waiting reports, unless that is in progress. */
  flush(): void {
    if (!this.sending) this.lastFlush = this.sendAll().catch((thrown: unknown) => this.onBug(thrown));
  }

  /** Resolves when nothing is being sent; reports may still wait for a connection. */
  settled(): Promise<void> {
    return this.lastFlush;
  }

  private dropOldest(): void {
    const inFlight = this.sending ? 1 : 0;
    if (this.reports.length - this.results <= MAX_REPORTS) return; // cheap, and true nearly always
    const waiting = this.reports.filter((report, index) => index >= inFlight && !isResultReport(report));
    const [oldest] = waiting;
    if (waiting.length > MAX_REPORTS && oldest !== undefined) {
      this.reports.splice(this.reports.indexOf(oldest, inFlight), 1);
    }
  }

  private async sendAll(): Promise<void> {
    this.sending = true;
    try {
      for (let [report] = this.reports; report !== undefined; [report] = this.reports) {
        if (!(await this.send(report))) return;
        this.reports.shift();
        if (isResultReport(report)) this.results--;
      }
    } finally {
      this.sending = false;
    }
  }
}
