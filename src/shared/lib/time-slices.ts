/** What is left of long work: does a slice of it, and tells whether there is more. */
export type Slice = () => boolean;

/**
 * Does what is left of long works in turns of the event loop, one slice of one work a turn, so that however many there
 * are, all else gets its turn after each slice.
 */
export class TimeSlices {
  private readonly works: Slice[] = [];
  private turn: NodeJS.Immediate | undefined;

  /** The first slice is done in the next turn at the earliest. */
  add(work: Slice): void {
    this.works.push(work);
    this.turn ??= setImmediate(() => this.next());
  }

  private next(): void {
    this.turn = undefined;
    const work = this.works.shift();
    if (work === undefined) return;
    if (this.works.length > 0) this.turn = setImmediate(() => this.next()); // also where this one throws
    if (work()) this.add(work);
  }
}
