import { beforeEach, describe, expect, it } from 'vitest';
import { forEachInSlices, SliceScheduler } from '../../../../src/shared/lib/time-slices.js';
import { SlicedMailbox } from '../../../../src/shared/lib/sliced-mailbox.js';
import { nextEventLoopTurn } from '../../../support/controllable-store.js';

interface Event {
  readonly id: number;
}

const eventsUpTo = (count: number): Event[] => Array.from({ length: count }, (_, id) => ({ id }));
const idsUpTo = (count: number): number[] => eventsUpTo(count).map(({ id }) => id);

/** Each event takes a millisecond on this clock. */
let now: number;
let seen: number[];
let slices: SliceScheduler;
const handle = ({ id }: Event): void => {
  seen.push(id);
  now += 1;
};
const failOnError = (thrown: unknown): never => {
  throw thrown;
};
const newMailbox = (handler = handle, onError: (thrown: unknown) => void = failOnError) =>
  new SlicedMailbox<Event>(handler, onError, slices, () => now);

beforeEach(() => {
  now = 0;
  seen = [];
  slices = new SliceScheduler();
});

/** Waits until nothing more is handled. */
const untilQuiet = async (): Promise<number> => {
  for (let turns = 0; ; turns++) {
    const before = seen.length;
    await nextEventLoopTurn();
    if (seen.length === before) return turns;
  }
};

describe('SlicedMailbox', () => {
  it('handles few events at once and in order', () => {
    const mailbox = newMailbox();
    mailbox.post({ id: 7 });
    mailbox.postAll(eventsUpTo(3));
    expect(seen).toEqual([7, 0, 1, 2]);
  });

  it('handles very many events in slices, and later ones after them', async () => {
    const mailbox = newMailbox();
    mailbox.postAll(eventsUpTo(3_000));
    expect(seen.length).toBeLessThan(40);
    mailbox.post({ id: -1 });
    mailbox.postAll([{ id: -2 }]);
    await nextEventLoopTurn();
    expect(seen.length).toBeLessThan(80);
    await untilQuiet();
    expect(seen).toEqual([...idsUpTo(3_000), -1, -2]);
  });

  it('keeps the order of single events behind a batch', async () => {
    const mailbox = newMailbox();
    mailbox.postAll(eventsUpTo(100));
    for (let id = 100; id < 3_000; id++) mailbox.post({ id });
    await untilQuiet();
    expect(seen).toEqual(idsUpTo(3_000));
    mailbox.post({ id: 3_000 });
    expect(seen.at(-1)).toBe(3_000);
  });

  it('handles an event that is posted by the handler after the earlier ones', () => {
    const mailbox: SlicedMailbox<Event> = newMailbox((event) => {
      handle(event);
      if (event.id === 0) mailbox.post({ id: 9 });
    });
    mailbox.postAll(eventsUpTo(2));
    expect(seen).toEqual([0, 1, 9]);
  });

  it('continues after a handler that throws', async () => {
    const told: unknown[] = [];
    const mailbox = newMailbox(
      (event) => {
        handle(event);
        if (event.id % 100 === 0) throw new Error('broken');
      },
      (thrown) => told.push(thrown),
    );
    mailbox.postAll(eventsUpTo(300));
    await untilQuiet();
    expect(seen).toHaveLength(300);
    expect(told).toHaveLength(3);
  });

  it.each([0, 50, 150])('continues if onError throws too, at event %i', async (bad) => {
    const mailbox = newMailbox((event) => {
      handle(event);
      if (event.id === bad) throw new Error('broken');
    });
    const uncaught: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process
      .removeAllListeners('uncaughtException')
      .on('uncaughtException', (thrown) => uncaught.push(thrown));
    try {
      mailbox.postAll(eventsUpTo(200));
    } catch (thrown) {
      uncaught.push(thrown);
    }
    mailbox.post({ id: -1 });
    await untilQuiet();
    await untilQuiet();
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
    expect(uncaught).toEqual([new Error('broken')]);
    expect(seen).toEqual([...idsUpTo(200), -1]);
    mailbox.post({ id: -2 });
    expect(seen.at(-1)).toBe(-2);
  });

  it('handles the events behind an iterable that throws', async () => {
    const mailbox = newMailbox();
    const failing = function* (): Generator<Event> {
      yield { id: 1 };
      throw new Error('broken');
    };
    expect(() => mailbox.postAll(failing())).toThrow('broken');
    mailbox.post({ id: 2 });
    await untilQuiet();
    expect(seen).toEqual([1, 2]);
  });

  it('dropBatches handles single events at once and drops the rest of all batches', async () => {
    const mailbox = newMailbox();
    mailbox.postAll(eventsUpTo(300));
    mailbox.post({ id: -1 });
    mailbox.postAll(eventsUpTo(300));
    mailbox.post({ id: -2 });
    const handled = seen.length;
    mailbox.dropBatches();
    expect(seen.slice(handled)).toEqual([-1, -2]);
    await untilQuiet();
    mailbox.post({ id: -3 });
    expect(seen.slice(handled)).toEqual([-1, -2, -3]);
  });

  it('shares the event loop with other mailboxes', async () => {
    const [one, other] = [newMailbox(), newMailbox()];
    one.postAll(eventsUpTo(200));
    other.postAll(eventsUpTo(200).map(({ id }) => ({ id: -id })));
    await nextEventLoopTurn();
    const before = seen.length;
    await nextEventLoopTurn();
    expect(seen.length - before).toBeLessThan(40); // one slice of one of them
    await untilQuiet();
    expect(seen).toHaveLength(400);
  });
});

describe('forEachInSlices', () => {
  it('handles items in order and yields to the event loop in between', async () => {
    const taken: number[] = [];
    let turns = 0;
    const count = (): void => {
      turns++;
      if (taken.length < 2_000) setImmediate(count);
    };
    setImmediate(count);
    await forEachInSlices(idsUpTo(2_000), (id) => {
      taken.push(id);
      const until = performance.now() + 0.05;
      while (performance.now() < until);
    });
    expect(taken).toEqual(idsUpTo(2_000));
    expect(turns).toBeGreaterThan(3);
  });
});
