interface Running {
  readonly now: Promise<unknown>;
  /** What those wait for who asked while `now` was under way. */
  next?: Promise<unknown>;
}

/**
 * Lets those who ask the same question at the same time share the answer. Whoever asks while a look-up is under way
 * shares the one that starts after it, not that one: it may have read what has changed since. So there are never
 * more than two look-ups of one question for any number of askers, and no answer is older than its question.
 */
export class SharedLookups<T> {
  private readonly running = new Map<string, Running>();

  /** Looks up, or takes part in a look-up of the same key that has not started yet. `lookUp` must not reject. */
  ask(key: string, lookUp: () => Promise<T>): Promise<T> {
    const running = this.running.get(key) as (Running & { next?: Promise<T> }) | undefined;
    if (running === undefined) return this.start(key, lookUp);
    running.next ??= running.now.then(() => this.start(key, lookUp));
    return running.next;
  }

  private start(key: string, lookUp: () => Promise<T>): Promise<T> {
    const now = lookUp();
    const running: Running = { now };
    this.running.set(key, running);
    void now.then(() => {
      if (running.next === undefined) this.running.delete(key);
    });
    return now;
  }
}
