import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Cursor, DurableLog } from '../../../../src/shared/lib/durable-log.js';
import { ControllableStore, nextEventLoopTurn } from '../../../support/controllable-store.js';

let held: ControllableStore<number>;
let faults: unknown[];
let log: DurableLog<number>;
beforeEach(() => {
  held = new ControllableStore();
  faults = [];
  log = new DurableLog(held.store, (thrown) => faults.push(thrown));
});

/** Reads all entries that are visible now. */
const readAll = <Entry>(cursor: Cursor<Entry>): Entry[] => {
  const read: Entry[] = [];
  for (let entry = cursor.next(); entry !== undefined; entry = cursor.next()) read.push(entry);
  return read;
};

describe('a durable log', () => {
  test('wakes the other readers if one throws, and continues', async () => {
    const uncaught: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process
      .removeAllListeners('uncaughtException')
      .on('uncaughtException', (thrown) => uncaught.push(thrown));
    let wakeups = 0;
    log.readFrom(0).onMore(() => {
      throw new Error('a broken reader');
    });
    log.readFrom(0).onMore(() => wakeups++);
    log.append(1);
    await nextEventLoopTurn();
    await held.settle();
    await nextEventLoopTurn();
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
    expect([wakeups, log.entries, uncaught]).toEqual([1, [1], [new Error('a broken reader')]]);

    log.append(2);
    await nextEventLoopTurn();
    await held.settle();
    expect(log.entries).toEqual([1, 2]);
  });

  test('shows an entry only after it is stored', async () => {
    const cursor = log.readFrom(0);
    log.append(1);
    await nextEventLoopTurn();
    expect([held.batches, cursor.next()]).toEqual([[[1]], undefined]);
    await held.settle();
    expect([readAll(cursor), log.entries]).toEqual([[1], [1]]);
  });

  test('stores the entries of one turn together, without waiting for the previous batch', async () => {
    log.append(1);
    log.append(2);
    await nextEventLoopTurn();
    log.append(3);
    await nextEventLoopTurn();
    expect([held.batches, held.pendingCount]).toEqual([[[1, 2], [3]], 2]);
  });

  test('shows batches in order, whichever is stored first', async () => {
    for (const entry of [1, 2]) {
      log.append(entry);
      await nextEventLoopTurn();
    }
    await held.settle(1);
    expect(log.entries).toEqual([]);
    await held.settle(0);
    expect(log.entries).toEqual([1, 2]);
  });

  test('wakes a reader once for new entries', async () => {
    let woken = 0;
    log.readFrom(0).onMore(() => woken++);
    for (const entry of [1, 2]) {
      log.append(entry);
      await nextEventLoopTurn();
      await held.settle();
    }
    expect(woken).toBe(1);
  });

  test('does not wake a closed reader', async () => {
    let woken = 0;
    const cursor = log.readFrom(0);
    cursor.onMore(() => woken++);
    cursor.close();
    log.append(1);
    await nextEventLoopTurn();
    await held.settle();
    expect(woken).toBe(0);
  });

  test('ends for a reader that has read all entries when it is closed and all are stored', async () => {
    const cursor = log.readFrom(0);
    log.append(1);
    log.close();
    await nextEventLoopTurn();
    expect(cursor.ended).toBe(false);
    await held.settle();
    expect(cursor.ended).toBe(false);
    expect([cursor.next(), cursor.ended]).toEqual([1, true]);
  });

  test('wakes waiting readers when it is closed', () => {
    let woken = 0;
    log.readFrom(0).onMore(() => woken++);
    log.close();
    expect(woken).toBe(1);
  });

  test('shows no entry after a failed batch, reports the failure once, and ends readers', async () => {
    const cursor = log.readFrom(0);
    for (const entry of [1, 2, 3]) {
      log.append(entry);
      await nextEventLoopTurn();
    }
    await held.settle();
    const reason = new Error('the server stops');
    await held.fail(reason);
    await held.fail(new Error('again'));
    log.append(4);
    await nextEventLoopTurn();
    await held.settle();
    expect([log.entries, faults]).toEqual([[1], [reason]]);
    expect([readAll(cursor), cursor.ended]).toEqual([[1], true]);
  });

  test('starts with the entries that are stored already', () => {
    const later = new DurableLog(held.store, () => undefined, [1, 2]);
    expect([later.entries, readAll(later.readFrom(1)), held.batches]).toEqual([[1, 2], [2], []]);
  });

  test('tells a reader that unread entries were evicted', () => {
    const later = new DurableLog<number>(held.store, () => undefined, [1, 2, 3, 4]);
    const [slow, quick, waiting] = [later.readFrom(1), later.readFrom(2), later.readFrom(4)];
    later.evict((entry) => entry <= 2);
    expect([slow.hasMissedEntries, slow.next()]).toEqual([true, undefined]);
    expect([quick.hasMissedEntries, readAll(quick)]).toEqual([false, [3, 4]]);
    expect(waiting.hasMissedEntries).toBe(false);
    later.evict(() => true);
    expect([later.entries, waiting.hasMissedEntries, waiting.next()]).toEqual([[], false, undefined]);
  });

  test('evicts only from its beginning', () => {
    const later = new DurableLog<number>(held.store, () => undefined, [1, 9, 2]);
    later.evict((entry) => entry < 5);
    expect(later.entries).toEqual([9, 2]);
  });
});

test('every reader gets every entry once and in order, for any timing of readers, stores and reads', async () => {
  const step = fc.oneof(
    fc.constant('append' as const),
    fc.constant('turn' as const),
    fc.constant('settle' as const),
    fc.constant('open' as const),
    fc.record({ read: fc.nat(3), upTo: fc.integer({ min: 1, max: 3 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const store = new ControllableStore<number>();
      const underTest = new DurableLog<number>(store.store, () => undefined);
      const readers: { from: number; cursor: Cursor<number>; read: number[] }[] = [];
      let count = 0;
      for (const each of steps) {
        if (each === 'append') underTest.append(count++);
        else if (each === 'turn') await nextEventLoopTurn();
        else if (each === 'settle') await store.settle(store.pendingCount > 1 ? count % 2 : 0);
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
      await nextEventLoopTurn();
      while (store.pendingCount > 0) await store.settle();
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
