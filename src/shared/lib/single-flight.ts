interface Running<T> {
  readonly now: Promise<T>;
  /** What those wait for who asked while `now` was under way. */
  next?: Promise<T>;
}

/**
 * Lets those who ask the same question at the same time share the answer. Whoever asks while a look-up is under way
 * shares the one that starts after it, not that one: it may have read what has changed since. So there are never
 * more than two look-ups of one question for any number of askers, and no answer is older than its question.
 */
export class SharedLookups<T> {
  private readonly running = new Map<string, Running<T>>();

  /** Looks up, or takes part in a look-up of the same key that has not started yet. */
  ask(key: string, lookUp: () => Promise<T>): Promise<T> {
    const running = this.running.get(key);
    if (running === undefined) return this.start(key, lookUp);
    if (running.next === undefined) {
      const start = () => this.start(key, lookUp);
      running.next = running.now.then(start, start);
    }
    return running.next;
  }

  private start(key: string, lookUp: () => Promise<T>): Promise<T> {
    const running: Running<T> = { now: lookUp() };
    this.running.set(key, running);
    const end = (): void => {
      if (running.next === undefined) this.running.delete(key);
    };
    running.now.then(end, end);
    return running.now;
  }
}
