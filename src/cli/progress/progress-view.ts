import type { Clock } from '../../shared/lib/clock.js';
import { isJobOver } from '../../shared/protocol/job-status.js';
import type { CliEnvironment, OutputStream } from '../cli-environment.js';
import { cutToWidth } from '../output/table.js';
import { columnsOf, isScreen } from '../output/terminal.js';
import type { JobProgress } from './job-progress.js';

/** Shows how a job goes on. */
export interface ProgressView {
  show(progress: JobProgress): void;
  /** Writes whole lines that stay, in between; into another stream where one is given. */
  interject(lines: string, into?: OutputStream): void;
  /** Ends the show, once for all; what comes next begins on a fresh line. */
  close(): void;
}

const REDRAW_MS = 100;
const TICK_MS = 1000;
const BAR_CELLS = 20;
const DEFAULT_COLUMNS = 80;
const CLEAR_LINE = '\r\x1b[2K';

/** A live line on a terminal, plain lines elsewhere; these come at most once in `plainIntervalMs` milliseconds. */
export const createProgressView = (
  environment: Pick<CliEnvironment, 'clock' | 'env'>,
  stream: OutputStream,
  plainIntervalMs: number,
): ProgressView => {
  const { clock } = environment;
  return isScreen(environment, stream)
    ? new LiveView(stream, clock)
    : new PlainView(stream, clock, plainIntervalMs);
};

/** Shows nothing of the progress itself. */
export class SilentView implements ProgressView {
  constructor(private readonly stream: OutputStream) {}

  show(): void {
    // somebody asked for silence
  }

  interject(lines: string, into = this.stream): void {
    into.write(lines);
  }

  close(): void {
    // there is nothing to end
  }
}

/** Redraws one line: at each new state, else at most ten times a second, and each second for the time that has passed. */
class LiveView implements ProgressView {
  private readonly startedAt: number;
  private readonly ticking: NodeJS.Timeout;
  private drawnAt = -Infinity;
  private drawnStatus: string | undefined;
  private latest: JobProgress | undefined;

  constructor(
    private readonly stream: OutputStream,
    private readonly clock: Clock,
  ) {
    this.startedAt = clock.now();
    this.ticking = setInterval(() => this.draw(), TICK_MS).unref();
  }

  show(progress: JobProgress): void {
    if (isJobOver(progress.status)) return; // the outcome follows at once
    this.latest = progress;
    const isNew = progress.status !== this.drawnStatus;
    if (isNew || this.clock.now() - this.drawnAt >= REDRAW_MS) this.draw();
  }

  interject(lines: string, into = this.stream): void {
    if (lines === '') return;
    const clear = this.drawnStatus === undefined ? '' : CLEAR_LINE;
    if (into === this.stream) into.write(`${clear}${lines}`);
    else {
      this.stream.write(clear); // the other may be the same terminal
      into.write(lines);
    }
    this.draw();
  }

  close(): void {
    clearInterval(this.ticking);
    if (this.drawnStatus !== undefined) this.stream.write(CLEAR_LINE);
    this.drawnStatus = undefined;
    this.latest = undefined;
  }

  private draw(): void {
    if (this.latest === undefined) return;
    this.drawnAt = this.clock.now();
    this.drawnStatus = this.latest.status;
    const line = `${liveText(this.latest)}  ${elapsed(this.drawnAt - this.startedAt)}`;
    this.stream.write(`${CLEAR_LINE}${cutToWidth(line, (columnsOf(this.stream) ?? DEFAULT_COLUMNS) - 1)}`);
  }
}

/** Prints a line when the job gets into another state, and now and then while it runs. */
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

  interject(lines: string, into = this.stream): void {
    into.write(lines);
  }

  close(): void {
    this.status = undefined;
  }
}

/** As scripts know it; how the job ended is said by what comes after the progress. */
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
    return `Voting   ${bar(voted, total)} ${voted}/${total} nodes voted`;
  const parts: (readonly [number, string])[] = [
    [progress.count('ready', 'running'), 'running'],
    [progress.count('succeeded'), 'succeeded'],
    [progress.count('failed', 'crashed', 'timed_out', 'aborted'), 'failed'],
    [progress.count('unavailable', 'nacked', 'was_ready'), 'not taking part'],
  ];
  const counts = parts.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
  return `Running  ${bar(done, total)} ${done}/${total} nodes done${counts.join('')}`;
};

/** `59 s`, then `1 m 00 s`, then `1 h 00 m`. */
const elapsed = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (minutes === 0) return `${seconds} s`;
  const two = (number: number): string => String(number).padStart(2, '0');
  return hours === 0 ? `${minutes} m ${two(seconds % 60)} s` : `${hours} h ${two(minutes % 60)} m`;
};

const bar = (part: number, whole: number): string => {
  const filled = whole === 0 ? 0 : Math.floor((BAR_CELLS * part) / whole);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_CELLS - filled)}]`;
};
