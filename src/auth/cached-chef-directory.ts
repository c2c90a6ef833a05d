import type { ChefDirectory } from './chef-directory.port.js';

/** So many answers of each kind are kept; the oldest go first. */
const MOST_ANSWERS = 10_000;

interface Kept<T> {
  readonly answer: T;
  /** Milliseconds on a clock that never jumps. */
  readonly until: number;
}

/** Keeps answers for a while, a bounded number of them. */
class ShortMemory<T> {
  private readonly kept = new Map<string, Kept<T>>();

  constructor(
    private readonly keepMs: number,
    private readonly most: number,
    private readonly now: () => number,
  ) {}

  /** The answer that is kept, or else a new one, which is kept where it `mayBeKept`. */
  async ask(key: string, lookUp: () => Promise<T>, mayBeKept: (answer: T) => boolean): Promise<T> {
    const known = this.kept.get(key);
    if (known !== undefined && known.until > this.now()) return known.answer;
    this.kept.delete(key);
    const askedAt = this.now();
    const answer = await lookUp();
    if (mayBeKept(answer)) {
      this.kept.set(key, { answer, until: askedAt + this.keepMs });
      const [oldest] = this.kept.keys();
      if (this.kept.size > this.most && oldest !== undefined) this.kept.delete(oldest);
    }
    return answer;
  }
}

/**
 * A directory that remembers keys and groups for a short time, for administrators who want fewer requests to their Chef
 * Server. The price: a key that was taken away, and a right that was withdrawn, count for that long. That somebody is
 * unknown, or that the Chef Server gave no answer, is never remembered; that there is no such group is.
 */
export class CachedChefDirectory implements ChefDirectory {
  private readonly keys: ShortMemory<Awaited<ReturnType<ChefDirectory['principals']>>>;
  private readonly groups: ShortMemory<Awaited<ReturnType<ChefDirectory['group']>>>;

  constructor(
    private readonly directory: ChefDirectory,
    keepMs: number,
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
