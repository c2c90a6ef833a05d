/** The text of an output event, and the number of the job's latest event when it came. */
interface Entry {
  readonly text: string;
  readonly afterEvent: number;
}

/** So many characters of events are kept for readers that come later, or are slow. */
const KEPT_CHARS = 256 * 1024;

/**
 * The latest events of the output of one job, as the text of a feed, for all that read it. It is bounded: a reader that
 * is slower than the output misses some of it.
 */
export class OutputWindow {
  private readonly entries: Entry[] = [];
  private chars = 0;
  /** How many were let go: the place of `entries[0]`. */
  private forgotten = 0;
  private readonly wakers = new Set<() => void>();

  constructor(private readonly limit = KEPT_CHARS) {}

  add(text: string, afterEvent: number): void {
    this.entries.push({ text, afterEvent });
    this.chars += text.length;
    while (this.chars > this.limit) {
      this.chars -= this.entries.shift()?.text.length ?? 0;
      this.forgotten++;
    }
    const waiting = [...this.wakers];
    this.wakers.clear();
    for (const wake of waiting) wake();
  }

  /** Reads all that is kept, and what comes. */
  read(): OutputCursor {
    return new OutputCursor(this);
  }

  /** The place of the oldest that is kept. */
  get firstPlace(): number {
    return this.forgotten;
  }

  at(place: number): Entry | undefined {
    return this.entries[place - this.forgotten];
  }

  /** Calls `wake` once when something comes; hands back how to take that back. */
  onChange(wake: () => void): () => void {
    this.wakers.add(wake);
    return () => this.wakers.delete(wake);
  }
}

/** Reads a window at its own pace; what it was too slow for it passes over. */
export class OutputCursor {
  private place = 0;
  private stopWaiting: (() => void) | undefined;

  constructor(private readonly window: OutputWindow) {}

  /** The next text that came before the event of that number, where one is given; undefined where there is none. */
  next(beforeEvent = Infinity): string | undefined {
    this.place = Math.max(this.place, this.window.firstPlace);
    const entry = this.window.at(this.place);
    if (entry === undefined || entry.afterEvent >= beforeEvent) return undefined;
    this.place++;
    return entry.text;
  }

  /** Calls `wake` once, when something has come since `next` had nothing. */
  onMore(wake: () => void): void {
    this.close();
    this.stopWaiting = this.window.onChange(wake);
  }

  close(): void {
    this.stopWaiting?.();
  }
}
