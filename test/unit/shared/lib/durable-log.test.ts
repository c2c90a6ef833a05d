import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Cursor, DurableLog } from '../../../../src/shared/lib/durable-log.js';
import { HeldStore, turn } from '../../../support/held-store.js';

let held: HeldStore<number>;
let faults: unknown[];
let log: DurableLog<number>;
beforeEach(() => {
  held = new HeldStore();
  faults = [];
  log = new DurableLog(held.store, (thrown) => faults.push(thrown));
});

/** Reads all that is there now. */
const readAll = <Entry>(cursor: Cursor<Entry>): Entry[] => {
  const read: Entry[] = [];
  for (let entry = cursor.next(); entry !== undefined; entry = cursor.next()) read.push(entry);
  return read;
};

describe('a durable log', () => {
  test('shows an entry only when it is stored', async () => {
    const cursor = log.readFrom(0);
    log.append(1);
    await turn();
    expect([held.batches, cursor.next()]).toEqual([[[1]], undefined]);
    await held.settle();
    expect([readAll(cursor), log.entries]).toEqual([[1], [1]]);
  });

  test('stores together what came in one turn, and does not wait for the batch before', async () => {
    log.append(1);
    log.append(2);
    await turn();
    log.append(3);
    await turn();
    expect([held.batches, held.waiting]).toEqual([[[1, 2], [3]], 2]);
  });

  test('shows batches in order, whichever is stored first', async () => {
    for (const entry of [1, 2]) {
      log.append(entry);
      await turn();
    }
    await held.settle(1);
    expect(log.entries).toEqual([]);
    await held.settle(0);
    expect(log.entries).toEqual([1, 2]);
  });

  test('wakes a reader once for what is new', async () => {
    let woken = 0;
    log.readFrom(0).onMore(() => woken++);
    for (const entry of [1, 2]) {
      log.append(entry);
      await turn();
      await held.settle();
    }
    expect(woken).toBe(1);
  });

  test('does not wake a reader that has left', async () => {
    let woken = 0;
    const cursor = log.readFrom(0);
    cursor.onMore(() => woken++);
    cursor.close();
    log.append(1);
    await turn();
    await held.settle();
    expect(woken).toBe(0);
  });

  test('ends for a reader who has read all, when it is closed and all is stored', async () => {
    const cursor = log.readFrom(0);
    log.append(1);
    log.close();
    await turn();
    expect(cursor.ended).toBe(false);
    await held.settle();
    expect(cursor.ended).toBe(false);
    expect([cursor.next(), cursor.ended]).toEqual([1, true]);
  });

  test('wakes readers that have read all when it is closed', () => {
    let woken = 0;
    log.readFrom(0).onMore(() => woken++);
    log.close();
    expect(woken).toBe(1);
  });

  test('shows nothing behind what could not be stored, says so once, and lets readers go', async () => {
    const cursor = log.readFrom(0);
    for (const entry of [1, 2, 3]) {
      log.append(entry);
      await turn();
    }
    await held.settle();
    const reason = new Error('the server stops');
    await held.fail(reason);
    await held.fail(new Error('again'));
    log.append(4);
    await turn();
    await held.settle();
    expect([log.entries, faults]).toEqual([[1], [reason]]);
    expect([readAll(cursor), cursor.ended]).toEqual([[1], true]);
  });

  test('begins with what was stored before', () => {
    const later = new DurableLog(held.store, () => undefined, [1, 2]);
    expect([later.entries, readAll(later.readFrom(1)), held.batches]).toEqual([[1, 2], [2], []]);
  });

  test('tells a reader that what it has not read is forgotten', () => {
    const later = new DurableLog<number>(held.store, () => undefined, [1, 2, 3, 4]);
    const [slow, quick, waiting] = [later.readFrom(1), later.readFrom(2), later.readFrom(4)];
    later.forget((entry) => entry <= 2);
    expect([slow.lost, slow.next()]).toEqual([true, undefined]);
    expect([quick.lost, readAll(quick)]).toEqual([false, [3, 4]]);
    expect(waiting.lost).toBe(false);
    later.forget(() => true);
    expect([later.entries, waiting.lost, waiting.next()]).toEqual([[], false, undefined]);
  });

  test('forgets only from its beginning', () => {
    const later = new DurableLog<number>(held.store, () => undefined, [1, 9, 2]);
    later.forget((entry) => entry < 5);
    expect(later.entries).toEqual([9, 2]);
  });
});

test('every reader gets every entry once and in order, whenever it comes and however stores and reads fall', async () => {
  const step = fc.oneof(
    fc.constant('append' as const),
    fc.constant('turn' as const),
    fc.constant('settle' as const),
    fc.constant('open' as const),
    fc.record({ read: fc.nat(3), upTo: fc.integer({ min: 1, max: 3 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const store = new HeldStore<number>();
      const underTest = new DurableLog<number>(store.store, () => undefined);
      const readers: { from: number; cursor: Cursor<number>; read: number[] }[] = [];
      let count = 0;
      for (const each of steps) {
        if (each === 'append') underTest.append(count++);
        else if (each === 'turn') await turn();
        else if (each === 'settle') await store.settle(store.waiting > 1 ? count % 2 : 0);
        else if (each === 'open') {
          const from = underTest.entries.length;
          readers.push({ from, cursor: underTest.readFrom(from), read: [] });
        } else {
          const reader = readers[each.read];
          for (let left = each.upTo; left > 0; left--) {
            const entry = reader?.cursor.next();
            if (entry !== undefined) reader?.read.push(entry);
          }
        }
      }
      underTest.close();
      await turn();
      while (store.waiting > 0) await store.settle();
      expect(underTest.entries).toEqual(Array.from({ length: count }, (_, entry) => entry));
      for (const { from, cursor, read } of readers) {
        read.push(...readAll(cursor));
        expect(read).toEqual(underTest.entries.slice(from));
        expect(cursor.ended).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});
