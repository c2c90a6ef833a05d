/** So many answers of each kind are kept; the oldest go first. */
export const MOST_ANSWERS = 10_000;

interface Kept<T> {
  readonly answer: T;
  /** Milliseconds on a clock that never jumps. */
  readonly askedAt: number;
}

/**
 * Keeps answers for a while, a bounded number of them. For how long is asked each time, so that it may change: a shorter
 * time counts for what is kept already, and with 0 nothing is.
 */
export class ShortMemory<T> {
  private readonly kept = new Map<string, Kept<T>>();

  constructor(
    private readonly keepMs: () => number,
    private readonly most: number,
    private readonly now: () => number,
  ) {}

  /** The answer that is kept, or else a new one, which is kept where it `mayBeKept`. */
  async ask(key: string, lookUp: () => Promise<T>, mayBeKept: (answer: T) => boolean): Promise<T> {
    const known = this.kept.get(key);
    if (known !== undefined && known.askedAt + this.keepMs() > this.now()) return known.answer;
    this.kept.delete(key);
    const askedAt = this.now();
    const answer = await lookUp();
    if (this.keepMs() > 0 && mayBeKept(answer)) {
      this.kept.set(key, { answer, askedAt });
      const [oldest] = this.kept.keys();
      if (this.kept.size > this.most && oldest !== undefined) this.kept.delete(oldest);
    }
    return answer;
  }
}
