/** Runs tasks of the same name one after the other, in the order in which they came; others do not wait for them. */
export class Turns {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Runs a task when all that came before it under this name have ended, however they did; resolves as it does. */
  async take<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = this.last.get(name) ?? Promise.resolve();
    const mine = before.then(task, task);
    this.last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.last.get(name) === mine) this.last.delete(name);
    }
  }
}
