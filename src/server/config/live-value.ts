/** A value that is replaced as a whole while others hold a view of it. One place replaces it. */
export class LiveValue<T extends object> {
  /** Reads as a plain object would; each member is that of the value as it is now. */
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

  /** From now on all views show this. Members that the first value did not have are not seen. */
  replace(next: Readonly<T>): void {
    this.value = next;
  }
}
