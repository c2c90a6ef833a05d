/** Random numbers that the seed determines (mulberry32), so that a run can be repeated. */
export class SeededRandom {
  constructor(private state: number) {}

  /** A number from 0 to 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.whole(0, choices.length - 1)] ?? choices[0];
  }

  /** Takes up to `count` random elements out of the list. */
  takeFrom<T>(list: T[], count: number): T[] {
    const taken: T[] = [];
    while (taken.length < count && list.length > 0) {
      taken.push(...list.splice(this.whole(0, list.length - 1), 1));
    }
    return taken;
  }
}
