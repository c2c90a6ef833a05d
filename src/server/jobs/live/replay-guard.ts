import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { err, ok, type Result } from '../../../shared/lib/result.js';
import { MAX_CLOCK_SKEW_S } from '../../../shared/protocol/chef-signature/signed-headers.js';

/** When more requests are remembered, the oldest are forgotten. */
const MAX_REMEMBERED = 50_000;

/** How long the server accepts a signature: its clock may differ in both directions. */
const SIGNATURE_LIFETIME_MS = 2 * MAX_CLOCK_SKEW_S * 1000;

/**
 * Timestamps have whole seconds and signatures are deterministic, so two requests of a user in one second can have the
 * same signature. A repetition within this time counts as a request of its own.
 */
const CONCURRENT_RETRY_WINDOW_MS = 2_000;

/** A signature starts at most this many jobs, so that a captured request cannot start thousands within the window. */
export const MAX_STARTS_PER_SIGNATURE = 10;

interface RememberedRequest {
  /** When it came first, in milliseconds on a monotonic clock. */
  readonly receivedAt: number;
  /** How many calls of `start` are in progress or have succeeded. */
  starts: number;
  isStarted: boolean;
}

/**
 * Rejects replays of signed requests that have started a job, as long as their signatures are accepted. Remembers them
 * in memory only. See docs/spec/rest-api.md, "Repeated requests".
 */
export class ReplayGuard {
  private readonly known: LRUCache<string, RememberedRequest>;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.known = new LRUCache({ max: MAX_REMEMBERED, ttl: SIGNATURE_LIFETIME_MS, perf: { now } });
  }

  /**
   * Calls `start` for the request with this signature, unless that is a replay. A request whose `start` rejects is not
   * remembered.
   */
  async runOnce<T>(signature: Uint8Array, start: () => Promise<T>): Promise<Result<T, 'replayed'>> {
    const key = createHash('sha256').update(signature).digest('base64');
    const now = this.now();
    const known = this.known.get(key) ?? { receivedAt: now, starts: 0, isStarted: false };
    const isLate = now - known.receivedAt > CONCURRENT_RETRY_WINDOW_MS;
    if (isLate || known.starts >= MAX_STARTS_PER_SIGNATURE) return err('replayed');
    known.starts++;
    this.known.set(key, known);
    try {
      const started = await start();
      known.isStarted = true;
      return ok(started);
    } catch (thrown) {
      known.starts--;
      throw thrown;
    } finally {
      // Of two concurrent calls, one may fail and the other one succeed.
      if (known.isStarted || known.starts > 0) this.known.set(key, known);
      else this.known.delete(key);
    }
  }
}
