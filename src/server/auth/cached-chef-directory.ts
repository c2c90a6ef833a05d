import type { ChefDirectory } from './chef-directory.port.js';
import { MOST_ANSWERS, ShortMemory } from '../../shared/lib/ttl-cache.js';

/**
 * A directory that remembers keys and groups for a short time, for administrators who want fewer requests to their Chef
 * Server; while that time is 0 it remembers nothing. The price: a key that was taken away, and a right that was withdrawn, count for that long. That somebody is
 * unknown, or that the Chef Server gave no answer, is never remembered; that there is no such group is.
 */
export class CachedChefDirectory implements ChefDirectory {
  private readonly keys: ShortMemory<Awaited<ReturnType<ChefDirectory['principals']>>>;
  private readonly groups: ShortMemory<Awaited<ReturnType<ChefDirectory['group']>>>;

  constructor(
    private readonly directory: ChefDirectory,
    keepMs: () => number,
    most = MOST_ANSWERS,
    now: () => number = () => performance.now(),
  ) {
    this.keys = new ShortMemory(keepMs, most, now);
    this.groups = new ShortMemory(keepMs, most, now);
  }

  principals(org: string, name: string): ReturnType<ChefDirectory['principals']> {
    const lookUp = () => this.directory.principals(org, name);
    return this.keys.ask(JSON.stringify([org, name]), lookUp, ({ ok }) => ok);
  }

  orgId(org: string): ReturnType<ChefDirectory['orgId']> {
    return this.directory.orgId(org);
  }

  group(org: string, name: string): ReturnType<ChefDirectory['group']> {
    const lookUp = () => this.directory.group(org, name);
    return this.groups.ask(
      JSON.stringify([org, name]),
      lookUp,
      (answer) => answer.ok || answer.error.kind === 'unknown_group',
    );
  }
}
