interface Entry {
  /** The output event as text of the feed. */
  readonly text: string;
  /** The number of the job's latest event when the output came. */
  readonly afterEvent: number;
}

/** Default limit of the characters that are kept for slow and later readers. */
const MAX_CHARS = 256 * 1024;

/** The latest output events of one job for all readers. It is bounded, so a slow reader misses some of them. */
export class OutputWindow {
  private readonly entries: Entry[] = [];
  private chars = 0;
  /** How many entries were evicted; also the position of `entries[0]`. */
  private evicted = 0;
  private readonly wakers = new Set<() => void>();

  constructor(private readonly limit = MAX_CHARS) {}

  add(text: string, afterEvent: number): void {
    this.entries.push({ text, afterEvent });
    this.chars += text.length;
    while (this.chars > this.limit) {
      this.chars -= this.entries.shift()?.text.length ?? 0;
      this.evicted++;
    }
    const waiting = [...this.wakers];
    this.wakers.clear();
    for (const wake of waiting) wake();
  }

  /** Opens a cursor that starts at the oldest entry. */
  openCursor(): OutputCursor {
    return new OutputCursor(this);
  }

  /** The position of the oldest entry. */
  get firstPosition(): number {
    return this.evicted;
  }

  at(position: number): Entry | undefined {
    return this.entries[position - this.evicted];
  }

  /** Calls `wake` once at the next entry; returns a function that cancels this. */
  onChange(wake: () => void): () => void {
    this.wakers.add(wake);
    return () => this.wakers.delete(wake);
  }
}

/** Reads the entries of a window in order, and skips evicted ones. */
export class OutputCursor {
  private position = 0;
  private cancelWait: (() => void) | undefined;

  constructor(private readonly window: OutputWindow) {}

  /** Returns the next text; with `beforeEvent`, only if it came before the event with that number. */
  next(beforeEvent = Infinity): string | undefined {
    this.position = Math.max(this.position, this.window.firstPosition);
    const entry = this.window.at(this.position);
    if (entry === undefined || entry.afterEvent >= beforeEvent) return undefined;
    this.position++;
    return entry.text;
  }

  /** Calls `wake` once when an entry is added. */
  onMore(wake: () => void): void {
    this.close();
    this.cancelWait = this.window.onChange(wake);
  }

  close(): void {
    this.cancelWait?.();
  }
}
