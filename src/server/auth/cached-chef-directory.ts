import { DEFAULT_MAX_ENTRIES, TtlCache } from '../../shared/lib/ttl-cache.js';
import type { ChefDirectory } from './chef-directory.port.js';

/**
 * Caches keys and groups for `ttlMs` to save requests to Chef Server; with 0 it caches nothing. A deleted key or a revoked
 * right stays effective for that long. It also caches that a group does not exist, but not that a principal is unknown or
 * that Chef Server is unavailable.
 */
export class CachedChefDirectory implements ChefDirectory {
  private readonly keys: TtlCache<Awaited<ReturnType<ChefDirectory['principals']>>>;
  private readonly groups: TtlCache<Awaited<ReturnType<ChefDirectory['group']>>>;

  constructor(
    private readonly directory: ChefDirectory,
    ttlMs: () => number,
    maxEntries = DEFAULT_MAX_ENTRIES,
    now: () => number = () => performance.now(),
  ) {
    this.keys = new TtlCache(ttlMs, maxEntries, now);
    this.groups = new TtlCache(ttlMs, maxEntries, now);
  }

  principals(org: string, name: string): ReturnType<ChefDirectory['principals']> {
    const load = () => this.directory.principals(org, name);
    return this.keys.getOrLoad(JSON.stringify([org, name]), load, ({ ok }) => ok);
  }

  orgId(org: string): ReturnType<ChefDirectory['orgId']> {
    return this.directory.orgId(org);
  }

  group(org: string, name: string): ReturnType<ChefDirectory['group']> {
    const load = () => this.directory.group(org, name);
    return this.groups.getOrLoad(
      JSON.stringify([org, name]),
      load,
      (response) => response.ok || response.error.kind === 'unknown_group',
    );
  }
}
