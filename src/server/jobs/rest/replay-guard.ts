import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { err, ok, type Result } from '../../../shared/lib/result.js';
import { MAX_CLOCK_SKEW_S } from '../../../shared/protocol/chef-signature/signed-headers.js';

/** So many requests are remembered; the oldest go first. */
const MOST_KNOWN = 50_000;

/** From the earliest to the latest moment at which a timestamp is accepted, in milliseconds. */
const KEEP_MS = 2 * MAX_CLOCK_SKEW_S * 1000;

/**
 * A timestamp has whole seconds and a signature no chance in it, so what a user asks twice in one second comes as the
 * same bytes. So a repeat within this many milliseconds passes for a request of its own.
 */
const TWIN_MS = 2_000;

interface Known {
  /** When it came first: milliseconds on a clock that never jumps. */
  readonly cameAt: number;
  isStarted: boolean;
}

/**
 * Remembers the signed requests that started a job for as long as their signatures are believed, so that whoever has got
 * hold of one starts nothing with it. It is forgotten at a restart.
 */
export class StartedRequests {
  private readonly known: LRUCache<string, Known>;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.known = new LRUCache({ max: MOST_KNOWN, ttl: KEEP_MS, perf: { now } });
  }

  /**
   * Has `start` start a job for the request that has this signature, but where that is a replay. A request whose `start`
   * rejects has started nothing, and is not remembered.
   */
  async startOnce<T>(signature: Uint8Array, start: () => Promise<T>): Promise<Result<T, 'replayed'>> {
    const name = createHash('sha256').update(signature).digest('base64');
    const now = this.now();
    const known = this.known.get(name) ?? { cameAt: now, isStarted: false };
    if (now - known.cameAt > TWIN_MS) return err('replayed');
    this.known.set(name, known);
    try {
      const started = await start();
      known.isStarted = true;
      return ok(started);
    } finally {
      // Of two that came at once, one may have failed.
      if (known.isStarted) this.known.set(name, known);
      else this.known.delete(name);
    }
  }
}
