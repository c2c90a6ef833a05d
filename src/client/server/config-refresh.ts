import type { Logger } from 'pino';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { backoffMs } from '../domain/backoff.js';
import type { Result } from '../../shared/lib/result.js';
import type { ConfigFault } from './config-fetch.js';
import type { SessionConfig } from './session-config.js';

export interface ConfigRefreshParts {
  readonly fetch: (signal: AbortSignal) => Promise<Result<SessionConfig, ConfigFault>>;
  /** Whether no job is under way: the config is fetched, and applied, only then. */
  readonly isIdle: () => boolean;
  readonly apply: (config: SessionConfig) => void;
  /** Told of each failed attempt before it is put off. */
  readonly failed: (fault: ConfigFault) => void;
  readonly log: Logger;
}

const BACKOFF = {
  away: { firstMs: 1000, maxMs: 60_000 },
  refused: { firstMs: 5000, maxMs: 300_000 },
  unencrypted: { firstMs: 5000, maxMs: 300_000 },
} as const;

/**
 * Fetches the config when somebody asks for it, and again and again until it has come.
 *
 * resting   nothing was asked for.                → waiting by `request`
 * waiting   a timer runs.                         → due when it is over, → resting by `withdraw`
 * due       a job is under way.                   → fetching by `resume` when it is over, → resting by `withdraw`
 * fetching  the server is being asked.            → resting with a config, → waiting without one that can be used,
 *                                                 → due where a job has come meanwhile: it is asked again after that
 * stopped   for good.
 */
export class ConfigRefresh {
  private mode: 'resting' | 'waiting' | 'due' | 'fetching' | 'stopped' = 'resting';
  private timer: NodeJS.Timeout | undefined;
  private dueAt = 0;
  private passing = false;
  private failures = 0;
  private readonly stopping = new AbortController();

  constructor(private readonly parts: ConfigRefreshParts) {}

  /** Whether the config will be fetched anyway; a passing request does not count, it may be withdrawn. */
  get isPending(): boolean {
    return this.mode !== 'resting' && !this.passing;
  }

  /**
   * Asks for a fetch in `delayMs` milliseconds, or earlier where that was asked for before. A `passing` reason may
   * go away by itself: such a request can be withdrawn, unless another came.
   */
  request(reason: string, delayMs: number, passing = false): void {
    if (this.mode === 'fetching' || this.mode === 'stopped') return;
    const at = performance.now() + delayMs;
    if (passing && this.mode !== 'resting') return;
    const wasPending = this.isPending;
    this.passing = passing;
    if (this.mode === 'due' || (this.mode === 'waiting' && wasPending && this.dueAt <= at)) return;
    this.parts.log.info({ reason, delay_ms: Math.round(delayMs) }, 'the config will be fetched');
    this.waitUntil(this.mode === 'waiting' ? Math.min(at, this.dueAt) : at);
  }

  /** Takes a passing request back. */
  withdraw(): void {
    if (!this.passing || (this.mode !== 'waiting' && this.mode !== 'due')) return;
    clearTimeout(this.timer);
    this.mode = 'resting';
  }

  /** A job is over: what was put off can be done. */
  resume(): void {
    if (this.mode === 'due') this.begin();
  }

  /** Calls off whatever is under way, for good. */
  stop(): void {
    this.mode = 'stopped';
    clearTimeout(this.timer);
    this.stopping.abort();
  }

  private waitUntil(at: number): void {
    clearTimeout(this.timer);
    this.mode = 'waiting';
    this.dueAt = at;
    this.timer = setTimeout(() => this.begin(), Math.max(0, at - performance.now()));
  }

  private begin(): void {
    if (!this.parts.isIdle()) {
      this.mode = 'due';
      return;
    }
    this.mode = 'fetching';
    this.passing = false;
    this.parts.fetch(this.stopping.signal).then(
      (answer) => this.onAnswer(answer),
      (thrown: unknown) => {
        const isKnown = thrown instanceof AppError; // such as a certificate that cannot be read any more
        if (!isKnown) this.parts.log.error({ err: thrown }, 'the config could not be fetched');
        const reason = isKnown ? thrown.message : 'a fault of the program';
        this.onAnswer({ ok: false, error: { kind: 'away', reason } });
      },
    );
  }

  private onAnswer(answer: Result<SessionConfig, ConfigFault>): void {
    if (this.mode !== 'fetching') return; // stopped meanwhile
    if (answer.ok && !this.parts.isIdle()) {
      this.mode = 'due';
      return;
    }
    this.mode = 'resting';
    const fault = answer.ok ? this.apply(answer.value) : answer.error;
    if (fault === undefined) {
      this.failures = 0;
      return;
    }
    this.failures++;
    const delayMs = backoffMs(this.failures, BACKOFF[fault.kind], Math.random());
    this.waitUntil(performance.now() + delayMs);
    this.parts.failed(fault);
  }

  /** Why a config cannot be used after all; undefined where it is. */
  private apply(config: SessionConfig): ConfigFault | undefined {
    try {
      this.parts.apply(config);
      return undefined;
    } catch (thrown) {
      return { kind: 'refused', reason: `the config of the server cannot be used: ${messageOf(thrown)}` };
    }
  }
}
