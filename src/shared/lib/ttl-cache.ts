/** Default limit for the number of entries; the oldest is evicted. */
export const DEFAULT_MAX_ENTRIES = 10_000;

interface Entry<T> {
  readonly value: T;
  /** When its load started: milliseconds of a monotonic clock. */
  readonly loadedAt: number;
}

/**
 * Caches a limited number of values. The TTL is read at each access, so that it can change: a shorter TTL also applies to
 * values that are already cached, and 0 disables the cache.
 */
export class TtlCache<T> {
  private readonly entries = new Map<string, Entry<T>>();

  constructor(
    private readonly ttlMs: () => number,
    private readonly maxEntries: number,
    private readonly now: () => number,
  ) {}

  /** Returns the cached value, or loads one and caches it if it `isCacheable`. */
  async getOrLoad(key: string, load: () => Promise<T>, isCacheable: (value: T) => boolean): Promise<T> {
    const cached = this.entries.get(key);
    if (cached !== undefined && cached.loadedAt + this.ttlMs() > this.now()) return cached.value;
    this.entries.delete(key);
    const loadedAt = this.now();
    const value = await load();
    if (this.ttlMs() > 0 && isCacheable(value)) {
      this.entries.set(key, { value, loadedAt });
      const [oldest] = this.entries.keys();
      if (this.entries.size > this.maxEntries && oldest !== undefined) this.entries.delete(oldest);
    }
    return value;
  }
}
