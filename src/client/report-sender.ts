import type { JobReport } from './domain/job-machine.js';
import type { KeptResults } from './job/kept-results.js';
import { isResultReport, ReportOutbox } from './report-outbox.js';

/** With this many results that the server has not taken the node declines further jobs. */
const MAX_WAITING_RESULTS = 32;

export interface ReportSenderOptions {
  readonly results: KeptResults;
  /** Resolves to false if there is no connection. */
  readonly send: (report: JobReport, ackWanted: boolean) => Promise<boolean>;
  /** Whether the server of the current connection confirms results. */
  readonly confirmsResults: () => boolean;
  readonly onBug: (thrown: unknown) => void;
}

/** Sends job reports to the server: results again and again, until the server confirms them if it can. */
export class ReportSender {
  private readonly outbox: ReportOutbox;

  constructor(private readonly options: ReportSenderOptions) {
    this.outbox = new ReportOutbox((report) => this.send(report), options.onBug);
  }

  add(report: JobReport): void {
    this.outbox.add(report);
    const { results } = this.options;
    const isAborted = report.type === 'aborted' && report.jobId !== null;
    if (isAborted && results.has(report.jobId)) this.inBackground(results.forget(report.jobId));
  }

  /** Returns why the node cannot take another job; undefined if it can. */
  declineReason(): string | undefined {
    const waiting = Math.max(this.outbox.waitingResults, this.options.results.count);
    return waiting < MAX_WAITING_RESULTS
      ? undefined
      : `busy: the server has not taken ${waiting} results of earlier jobs`;
  }

  /**
   * Starts to send over a new connection; resolves to false if nothing waits. Kept results of an earlier process are
   * among the first messages: at any other one the server takes their jobs as ended without a result.
   */
  async connectionOpened(): Promise<boolean> {
    this.options.results.connectionOpened();
    await this.addDueResults();
    const isAnyWaiting = !this.outbox.isEmpty;
    if (isAnyWaiting) this.outbox.flush();
    return isAnyWaiting;
  }

  /** Sends what could not be sent before, and results that were not confirmed for long. */
  retry(): void {
    if (!this.outbox.isEmpty) this.outbox.flush(); // the send queue of the connection may have been full
    this.inBackground(this.addDueResults());
  }

  /** Resolves when nothing is being sent. */
  settled(): Promise<void> {
    return this.outbox.settled();
  }

  private async addDueResults(): Promise<void> {
    const { results, confirmsResults } = this.options;
    if (!confirmsResults() || results.count === 0) return;
    for (const report of await results.due(performance.now())) {
      if (!this.outbox.hasResultOf(report.jobId)) this.outbox.add(report);
    }
  }

  private async send(report: JobReport): Promise<boolean> {
    const { results, confirmsResults } = this.options;
    const kept = isResultReport(report) && results.has(report.jobId) ? report.jobId : undefined;
    const ackWanted = kept !== undefined && confirmsResults();
    const isSent = await this.options.send(report, ackWanted);
    if (isSent && ackWanted) results.sent(kept, performance.now());
    else if (isSent && kept !== undefined) await results.forget(kept); // this server confirms nothing
    return isSent;
  }

  private inBackground(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => this.options.onBug(thrown));
  }
}
