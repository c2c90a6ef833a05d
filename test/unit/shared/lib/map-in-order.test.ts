import { expect, it } from 'vitest';
import { deferred } from '../../../../src/shared/lib/deferred.js';
import { mapInOrder } from '../../../../src/shared/lib/map-in-order.js';

const collect = async <T>(all: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const one of all) found.push(one);
  return found;
};

it('yields the results in the order of the items, whichever is ready first', async () => {
  const second = deferred();
  const results = mapInOrder(['a', 'b', 'c'], 2, async (item) => {
    if (item === 'a') await second.promise;
    if (item === 'b') second.resolve();
    return item.toUpperCase();
  });

  expect(await collect(results)).toEqual(['A', 'B', 'C']);
});

it('starts at most the limit before a result is taken', async () => {
  const started: number[] = [];
  const results = mapInOrder([1, 2, 3, 4, 5], 2, (item) => {
    started.push(item);
    return Promise.resolve(item);
  });
  expect(started).toEqual([]);

  await results.next();
  expect(started).toEqual([1, 2]);
  await results.next();
  expect(started).toEqual([1, 2, 3]);
});

it('throws the rejection of an item when its turn comes, and ignores later ones', async () => {
  const results = mapInOrder([1, 2, 3], 3, (item) =>
    item === 1 ? Promise.resolve(item) : Promise.reject(new Error(`no ${item}`)),
  );

  expect((await results.next()).value).toBe(1);
  await expect(results.next()).rejects.toThrow('no 2');
  expect(await results.next()).toEqual({ value: undefined, done: true });
});

it('yields nothing without items', async () => {
  expect(await collect(mapInOrder([], 4, () => Promise.resolve(1)))).toEqual([]);
});
