import type { Clock } from '../../shared/lib/clock.js';
import { isJobOver } from '../../shared/protocol/job-status.js';
import type { CliEnvironment, OutputStream } from '../cli-environment.js';
import { truncateToWidth } from '../output/table.js';
import { columnsOf, supportsAnsi } from '../output/terminal.js';
import type { JobProgress } from './job-progress.js';

/** Shows the progress of a job. */
export interface ProgressView {
  show(progress: JobProgress): void;
  /** Writes complete lines to `stream`, or to the stream of the view, without disturbing the progress. */
  printLines(lines: string, stream?: OutputStream): void;
  /** Removes the progress line; the next output starts on an empty line. */
  close(): void;
}

const MIN_REDRAW_INTERVAL_MS = 100;
const REFRESH_MS = 1000;
const BAR_WIDTH = 20;
const DEFAULT_COLUMNS = 80;
const CLEAR_LINE = '\r\x1b[2K';

/**
 * Creates a view that redraws one line on a terminal, and prints plain lines elsewhere: one for each new job status,
 * and at most one per `plainIntervalMs` otherwise.
 */
export const createProgressView = (
  environment: Pick<CliEnvironment, 'clock' | 'env'>,
  stream: OutputStream,
  plainIntervalMs: number,
): ProgressView => {
  const { clock } = environment;
  return supportsAnsi(environment, stream)
    ? new LiveView(stream, clock)
    : new PlainView(stream, clock, plainIntervalMs);
};

/** Shows no progress; only writes the lines of `printLines`. */
export class SilentView implements ProgressView {
  constructor(private readonly stream: OutputStream) {}

  show(): void {
    // --quiet
  }

  printLines(lines: string, stream = this.stream): void {
    stream.write(lines);
  }

  close(): void {
    // there is no progress line
  }
}

/** Redraws one line at each new status, else at most ten times a second, and each second to update the elapsed time. */
class LiveView implements ProgressView {
  private readonly startedAt: number;
  private readonly timer: NodeJS.Timeout;
  private drawnAt = -Infinity;
  private drawnStatus: string | undefined;
  private latest: JobProgress | undefined;

  constructor(
    private readonly stream: OutputStream,
    private readonly clock: Clock,
  ) {
    this.startedAt = clock.now();
    this.timer = setInterval(() => this.draw(), REFRESH_MS).unref();
  }

  show(progress: JobProgress): void {
    if (isJobOver(progress.status)) return; // the caller prints the outcome next
    this.latest = progress;
    const isNewStatus = progress.status !== this.drawnStatus;
    if (isNewStatus || this.clock.now() - this.drawnAt >= MIN_REDRAW_INTERVAL_MS) this.draw();
  }

  printLines(lines: string, stream = this.stream): void {
    if (lines === '') return;
    const clear = this.drawnStatus === undefined ? '' : CLEAR_LINE;
    if (stream === this.stream) stream.write(`${clear}${lines}`);
    else {
      this.stream.write(clear); // both streams may be the same terminal
      stream.write(lines);
    }
    this.draw();
  }

  close(): void {
    clearInterval(this.timer);
    if (this.drawnStatus !== undefined) this.stream.write(CLEAR_LINE);
    this.drawnStatus = undefined;
    this.latest = undefined;
  }

  private draw(): void {
    if (this.latest === undefined) return;
    this.drawnAt = this.clock.now();
    this.drawnStatus = this.latest.status;
    const line = `${liveText(this.latest)}  ${formatElapsed(this.drawnAt - this.startedAt)}`;
    this.stream.write(
      `${CLEAR_LINE}${truncateToWidth(line, (columnsOf(this.stream) ?? DEFAULT_COLUMNS) - 1)}`,
    );
  }
}

/** Prints a line at each new job status, and at most one per interval otherwise. */
class PlainView implements ProgressView {
  private status: string | undefined;
  private printed: string | undefined;
  private printedAt = -Infinity;

  constructor(
    private readonly stream: OutputStream,
    private readonly clock: Clock,
    private readonly intervalMs: number,
  ) {}

  show(progress: JobProgress): void {
    const line = plainText(progress);
    const isDue = progress.status !== this.status || this.clock.now() - this.printedAt >= this.intervalMs;
    if (line === undefined || line === this.printed || !isDue) return;
    this.status = progress.status;
    this.printed = line;
    this.printedAt = this.clock.now();
    this.stream.write(`${line}\n`);
  }

  printLines(lines: string, stream = this.stream): void {
    stream.write(lines);
  }

  close(): void {
    this.status = undefined;
  }
}

/** The texts of knife, which scripts rely on; the outcome is printed separately. */
const plainText = (progress: JobProgress): string | undefined => {
  switch (progress.status) {
    case 'new':
      return 'Initialized.';
    case 'voting':
      return 'Voting.';
    case 'running':
      return `Running (${progress.count('ready', 'running')}/${progress.total} in progress) ...`;
    default:
      return undefined;
  }
};

const liveText = (progress: JobProgress): string => {
  const { total, voted, done, status } = progress;
  if (status === 'new' || status === 'voting')
    return `Voting   ${progressBar(voted, total)} ${voted}/${total} nodes voted`;
  const groups: (readonly [number, string])[] = [
    [progress.count('ready', 'running'), 'running'],
    [progress.count('succeeded'), 'succeeded'],
    [progress.count('failed', 'crashed', 'timed_out', 'aborted'), 'failed'],
    [progress.count('unavailable', 'nacked', 'was_ready'), 'not taking part'],
  ];
  const counts = groups.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
  return `Running  ${progressBar(done, total)} ${done}/${total} nodes done${counts.join('')}`;
};

/** Formats a duration: `59 s`, `1 m 00 s`, `1 h 00 m`. */
const formatElapsed = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (minutes === 0) return `${seconds} s`;
  const twoDigits = (value: number): string => String(value).padStart(2, '0');
  return hours === 0
    ? `${minutes} m ${twoDigits(seconds % 60)} s`
    : `${hours} h ${twoDigits(minutes % 60)} m`;
};

const progressBar = (done: number, total: number): string => {
  const filled = total === 0 ? 0 : Math.floor((BAR_WIDTH * done) / total);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`;
};
