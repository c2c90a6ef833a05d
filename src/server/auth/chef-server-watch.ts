import { Histogram, type Registry } from 'prom-client';
import type { ChefServerHealth } from './chef-server-health.port.js';

/** A failure says nothing any more after this many milliseconds: nobody may have asked since. */
const LATELY_MS = 30_000;

/** Keeps how the Chef Server answers: the latency of each kind of question, and whether its last answer was usable. */
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

  /** A request took so many seconds; the outcome is `answered`, `server_error`, or why none came. */
  took(question: string, outcome: string, seconds: number): void {
    this.durations.observe({ question, outcome }, seconds);
  }

  /** The answer to a question could be used, or could not for this reason. */
  judged(question: string, reason: string | undefined): void {
    if (reason === undefined) this.failures.delete(question);
    else this.failures.set(question, { reason, at: performance.now() });
  }

  trouble(): string | undefined {
    const since = performance.now() - LATELY_MS;
    const reasons = [...this.failures.values()].filter(({ at }) => at >= since).map(({ reason }) => reason);
    return reasons.length === 0 ? undefined : [...new Set(reasons)].join(', ');
  }
}
