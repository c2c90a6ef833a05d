/**
 * Yields `map(item)` for each item, in the order of the items. At most `limit` results are in progress or wait for the
 * consumer. The first rejection ends the iteration.
 */
export async function* mapInOrder<T, R>(
  items: readonly T[],
  limit: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const inProgress: Promise<R>[] = [];
  const remaining = items.values();
  for (;;) {
    while (inProgress.length < limit) {
      const { value, done } = remaining.next();
      if (done === true) break;
      const result = map(value);
      result.catch(() => undefined); // it is thrown when its turn comes; until then it must not count as unhandled
      inProgress.push(result);
    }
    const first = inProgress.shift();
    if (first === undefined) return;
    yield await first;
  }
}
