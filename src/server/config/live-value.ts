/** A value that is replaced as a whole, while its readers keep one view of it. */
export class LiveValue<T extends object> {
  /** An object whose members always return those of the current value. */
  readonly view: Readonly<T>;

  constructor(private value: Readonly<T>) {
    const members: PropertyDescriptorMap = {};
    for (const name of Object.keys(value) as (keyof T)[]) {
      members[name] = { enumerable: true, get: () => this.value[name] };
    }
    this.view = Object.freeze(Object.defineProperties({}, members)) as Readonly<T>;
  }

  get current(): Readonly<T> {
    return this.value;
  }

  /** Replaces the value. The view lacks members that the first value did not have. */
  replace(next: Readonly<T>): void {
    this.value = next;
  }
}
