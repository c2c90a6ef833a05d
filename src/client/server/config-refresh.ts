import type { Logger } from 'pino';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { backoffMs } from '../domain/backoff.js';
import type { Result } from '../../shared/lib/result.js';
import type { ConfigFetchFailure } from './config-fetch.js';
import type { ConnectionConfig } from './connection-config.js';

export interface ConfigRefreshOptions {
  readonly fetch: (signal: AbortSignal) => Promise<Result<ConnectionConfig, ConfigFetchFailure>>;
  /** Whether the node has no job. The config is fetched and applied only then. */
  readonly isNodeIdle: () => boolean;
  readonly apply: (config: ConnectionConfig) => void;
  /** Called after each failed attempt. */
  readonly onFailure: (failure: ConfigFetchFailure) => void;
  readonly log: Logger;
}

const BACKOFF = {
  temporary: { firstMs: 1000, maxMs: 60_000 },
  rejected: { firstMs: 5000, maxMs: 300_000 },
  unencrypted: { firstMs: 5000, maxMs: 300_000 },
} as const;

/**
 * Fetches the config on request and retries until it succeeds.
 *
 * idle       nothing was requested.           → scheduled on `request`
 * scheduled  a timer runs.                    → fetching, or deferred if the node has a job, when the timer ends;
 *                                               → idle on `withdraw`
 * deferred   the node has a job.              → fetching on `resume`; → idle on `withdraw`
 * fetching   the request is in progress.      → idle if the config was applied; → scheduled if not;
 *                                               → deferred if a job came meanwhile: the config is fetched again later
 * stopped    `stop` was called; final.
 */
export class ConfigRefresh {
  private mode: 'idle' | 'scheduled' | 'deferred' | 'fetching' | 'stopped' = 'idle';
  private timer: NodeJS.Timeout | undefined;
  /** When the scheduled fetch starts; performance time in ms. */
  private dueAt = 0;
  private withdrawable = false;
  private failures = 0;
  private readonly stopping = new AbortController();

  constructor(private readonly options: ConfigRefreshOptions) {}

  /** Whether a fetch will certainly take place. A withdrawable request does not count. */
  get isPending(): boolean {
    return this.mode !== 'idle' && !this.withdrawable;
  }

  /**
   * Requests a fetch in `delayMs` milliseconds; an earlier scheduled fetch stays. A `withdrawable` request has a reason
   * that may disappear: `withdraw` takes it back, unless another request came.
   */
  request(reason: string, delayMs: number, withdrawable = false): void {
    if (this.mode === 'fetching' || this.mode === 'stopped') return;
    const at = performance.now() + delayMs;
    if (withdrawable && this.mode !== 'idle') return;
    const wasPending = this.isPending;
    this.withdrawable = withdrawable;
    if (this.mode === 'deferred' || (this.mode === 'scheduled' && wasPending && this.dueAt <= at)) return;
    this.options.log.info({ reason, delay_ms: Math.round(delayMs) }, 'the config will be fetched');
    this.scheduleFetch(this.mode === 'scheduled' ? Math.min(at, this.dueAt) : at);
  }

  /** Takes a withdrawable request back. */
  withdraw(): void {
    if (!this.withdrawable || (this.mode !== 'scheduled' && this.mode !== 'deferred')) return;
    clearTimeout(this.timer);
    this.mode = 'idle';
  }

  /** Starts a deferred fetch, because the node has no job any more. */
  resume(): void {
    if (this.mode === 'deferred') this.startFetch();
  }

  /** Cancels everything, for good. */
  stop(): void {
    this.mode = 'stopped';
    clearTimeout(this.timer);
    this.stopping.abort();
  }

  private scheduleFetch(at: number): void {
    clearTimeout(this.timer);
    this.mode = 'scheduled';
    this.dueAt = at;
    this.timer = setTimeout(() => this.startFetch(), Math.max(0, at - performance.now()));
  }

  private startFetch(): void {
    if (!this.options.isNodeIdle()) {
      this.mode = 'deferred';
      return;
    }
    this.mode = 'fetching';
    this.withdrawable = false;
    this.options.fetch(this.stopping.signal).then(
      (fetched) => this.onFetched(fetched),
      (thrown: unknown) => {
        const isExpected = thrown instanceof AppError; // for example a certificate file that is unreadable now
        if (!isExpected)
          this.options.log.error({ err: thrown }, 'unexpected error while fetching the config');
        const reason = isExpected ? thrown.message : 'unexpected error; see the log line before';
        this.onFetched({ ok: false, error: { kind: 'temporary', reason } });
      },
    );
  }

  private onFetched(fetched: Result<ConnectionConfig, ConfigFetchFailure>): void {
    if (this.mode !== 'fetching') return; // stopped meanwhile
    if (fetched.ok && !this.options.isNodeIdle()) {
      this.mode = 'deferred';
      return;
    }
    this.mode = 'idle';
    const failure = fetched.ok ? this.tryToApply(fetched.value) : fetched.error;
    if (failure === undefined) {
      this.failures = 0;
      return;
    }
    this.failures++;
    const delayMs = backoffMs(this.failures, BACKOFF[failure.kind], Math.random());
    this.scheduleFetch(performance.now() + delayMs);
    this.options.onFailure(failure);
  }

  /** Returns why the config could not be applied; undefined if it was applied. */
  private tryToApply(config: ConnectionConfig): ConfigFetchFailure | undefined {
    try {
      this.options.apply(config);
      return undefined;
    } catch (thrown) {
      return { kind: 'rejected', reason: `cannot use the config of the server: ${messageOf(thrown)}` };
    }
  }
}
