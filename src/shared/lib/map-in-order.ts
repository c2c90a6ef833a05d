/**
 * What `map` makes of each item, in the order of the items, with at most `limit` of them under way or waiting to be
 * taken. The first failure ends it.
 */
export async function* mapInOrder<T, R>(
  items: readonly T[],
  limit: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const underWay: Promise<R>[] = [];
  const rest = items.values();
  for (;;) {
    while (underWay.length < limit) {
      const { value, done } = rest.next();
      if (done === true) break;
      const made = map(value);
      made.catch(() => undefined); // it is thrown when its turn comes, or not wanted any more
      underWay.push(made);
    }
    const first = underWay.shift();
    if (first === undefined) return;
    yield await first;
  }
}
