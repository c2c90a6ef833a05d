/** Runs tasks with the same key one at a time, in the order of the calls. Tasks with other keys do not wait. */
export class KeyedMutex {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Runs a task after all earlier tasks of this key, whether these resolved or rejected. Settles as the task does. */
  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const previous = this.last.get(key) ?? Promise.resolve();
    const current = previous.then(task, task);
    this.last.set(key, current);
    try {
      return await current;
    } finally {
      if (this.last.get(key) === current) this.last.delete(key);
    }
  }
}
