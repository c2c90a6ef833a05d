import { Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { Histogram, Registry } from 'prom-client';
import type { ChefServerHealth } from './chef-directory.port.js';

/** A failure counts for this long; without newer lookups nothing is known after that. */
const FAILURE_TTL_MS = 30_000;

/** The same problem is logged as a warning at most once in this time. */
const THROTTLE_MS = 10_000;

/** Measures lookups in Chef Server, and whether the last response of each kind was usable. */
@Injectable()
export class ChefServerWatch implements ChefServerHealth {
  private readonly durations: Histogram<'question' | 'outcome'>;
  private readonly failures = new Map<string, { readonly reason: string; readonly at: number }>();

  constructor(registry: Registry) {
    this.durations = new Histogram({
      name: 'push_jobs_chef_server_request_duration_seconds',
      help: 'Requests to the Chef Server by question (principals, organization, group) and outcome',
      labelNames: ['question', 'outcome'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers: [registry],
    });
  }

  /** `outcome` is `answered`, `server_error`, or the kind of the HTTP fault. */
  observeDuration(question: string, outcome: string, seconds: number): void {
    this.durations.observe({ question, outcome }, seconds);
  }

  /** Records the reason why the response to a question was not usable; undefined if it was. */
  recordOutcome(question: string, reason: string | undefined): void {
    if (reason === undefined) this.failures.delete(question);
    else this.failures.set(question, { reason, at: performance.now() });
  }

  unavailabilityReason(): string | undefined {
    const since = performance.now() - FAILURE_TTL_MS;
    const reasons = [...this.failures.values()].filter(({ at }) => at >= since).map(({ reason }) => reason);
    return reasons.length === 0 ? undefined : [...new Set(reasons)].join(', ');
  }
}

/**
 * Logs problems of Chef Server: each kind as a warning once in a while, the others at debug level. Anybody who can send a
 * request can cause lookups, so the warnings must be bounded.
 */
export class ThrottledLog {
  private readonly warnedAt = new Map<string, number>();

  constructor(private readonly logger: Logger) {}

  /** `question` and `reason` must be fixed texts, such as `group`, because each pair is remembered. */
  problem(question: string, reason: string, detail: string): void {
    const key = `${question}: ${reason}`;
    const now = performance.now();
    const isThrottled = now - (this.warnedAt.get(key) ?? Number.NEGATIVE_INFINITY) < THROTTLE_MS;
    if (!isThrottled) this.warnedAt.set(key, now);
    this.logger[isThrottled ? 'debug' : 'warn'](
      { question, reason, detail },
      'Chef Server gave no usable response',
    );
  }
}
