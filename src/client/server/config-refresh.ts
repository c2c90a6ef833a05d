import type { Logger } from 'pino';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { backoffMs } from '../domain/backoff.js';
import type { Result } from '../../shared/lib/result.js';
import type { ConfigFetchFailure } from './config-fetch.js';
import type { ConnectionConfig } from './connection-config.js';

export interface ConfigRefreshOptions {
  readonly fetch: (signal: AbortSignal) => Promise<Result<ConnectionConfig, ConfigFetchFailure>>;
  /** Whether the node has no job. A config is applied only then. */
  readonly isNodeIdle: () => boolean;
  readonly apply: (config: ConnectionConfig) => void;
  /** Called when a fetched config has to wait until the node has no job. */
  readonly onHeld: (config: ConnectionConfig) => void;
  /** Called after each failed attempt. */
  readonly onFailure: (failure: ConfigFetchFailure) => void;
  readonly log: Logger;
}

const BACKOFF = {
  temporary: { firstMs: 1000, maxMs: 60_000 },
  rejected: { firstMs: 5000, maxMs: 300_000 },
  unencrypted: { firstMs: 5000, maxMs: 300_000 },
} as const;

/** How long a held config waits after the end of a job. */
const APPLY_DELAY_MS = 1000;

/**
 * Fetches the config on request and retries until it succeeds. It fetches it also while the node has a job, because the
 * server trusts a node only for a while after its last fetch. But it applies it only when the node has none: until then
 * it holds the latest config.
 *
 * idle       nothing was requested.           → scheduled on `request`
 * scheduled  a timer runs.                    → fetching when the timer ends; → idle on `withdraw`
 * fetching   the request is in progress.      → idle if the config was applied or is held; → scheduled if not
 * stopped    `stop` was called; final.
 */
export class ConfigRefresh {
  private mode: 'idle' | 'scheduled' | 'fetching' | 'stopped' = 'idle';
  /** The latest config, if it was fetched while the node had a job. */
  private held: ConnectionConfig | undefined;
  private applyTimer: NodeJS.Timeout | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** When the scheduled fetch starts; performance time in ms. */
  private dueAt = 0;
  private withdrawable = false;
  private failures = 0;
  private readonly stopping = new AbortController();

  constructor(private readonly options: ConfigRefreshOptions) {}

  /** Whether a fetch will certainly take place. A withdrawable request does not count. */
  get isFetchPending(): boolean {
    return this.mode !== 'idle' && !this.withdrawable;
  }

  /** Whether another config will be applied: a fetched one is held, or a fetch will certainly take place. */
  get isPending(): boolean {
    return this.held !== undefined || this.isFetchPending;
  }

  /**
   * Requests a fetch in `delayMs` milliseconds; an earlier scheduled fetch stays. A `withdrawable` request has a reason
   * that may disappear: `withdraw` takes it back, unless another request came.
   */
  request(reason: string, delayMs: number, withdrawable = false): void {
    if (this.mode === 'fetching' || this.mode === 'stopped') return;
    const at = performance.now() + delayMs;
    if (withdrawable && this.mode !== 'idle') return;
    const wasPending = this.isFetchPending;
    this.withdrawable = withdrawable;
    if (this.mode === 'scheduled' && wasPending && this.dueAt <= at) return;
    this.options.log.info({ reason, delay_ms: Math.round(delayMs) }, 'the config will be fetched');
    this.scheduleFetch(this.mode === 'scheduled' ? Math.min(at, this.dueAt) : at);
  }

  /** Takes a withdrawable request back. */
  withdraw(): void {
    if (!this.withdrawable || this.mode !== 'scheduled') return;
    clearTimeout(this.timer);
    this.mode = 'idle';
  }

  /**
   * Applies the config that is held, because the node has no job any more. It does so a moment later: a new connection
   * replaces the old one, and the result of the job may still be on its way there.
   */
  resume(): void {
    if (this.held === undefined || this.mode === 'stopped') return;
    this.applyTimer ??= setTimeout(() => {
      this.applyTimer = undefined;
      if (this.held === undefined || !this.options.isNodeIdle()) return;
      const failure = this.tryToApply(this.held);
      if (failure !== undefined) this.onFailed(failure);
    }, APPLY_DELAY_MS);
  }

  /** Cancels everything, for good. */
  stop(): void {
    this.mode = 'stopped';
    clearTimeout(this.timer);
    clearTimeout(this.applyTimer);
    this.stopping.abort();
  }

  private scheduleFetch(at: number): void {
    clearTimeout(this.timer);
    this.mode = 'scheduled';
    this.dueAt = at;
    this.timer = setTimeout(() => this.startFetch(), Math.max(0, at - performance.now()));
  }

  private startFetch(): void {
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
    this.mode = 'idle';
    const failure = fetched.ok ? this.tryToApply(fetched.value) : fetched.error;
    if (failure === undefined) this.failures = 0;
    else this.onFailed(failure);
  }

  private onFailed(failure: ConfigFetchFailure): void {
    this.failures++;
    this.withdrawable = false;
    const delayMs = backoffMs(this.failures, BACKOFF[failure.kind], Math.random());
    this.scheduleFetch(performance.now() + delayMs);
    this.options.onFailure(failure);
  }

  /** Returns why the config could not be applied; undefined if it was applied, or if it waits for the end of the job. */
  private tryToApply(config: ConnectionConfig): ConfigFetchFailure | undefined {
    if (!this.options.isNodeIdle()) {
      this.held = config;
      this.options.onHeld(config);
      return undefined;
    }
    this.held = undefined;
    try {
      this.options.apply(config);
      return undefined;
    } catch (thrown) {
      return { kind: 'rejected', reason: `cannot use the config of the server: ${messageOf(thrown)}` };
    }
  }
}
