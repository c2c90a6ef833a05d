import { describe, expect, it } from 'vitest';
import { SharedLookups } from '../../../../src/shared/lib/single-flight.js';
import { type Deferred, deferred } from '../../../../src/shared/lib/deferred.js';

/** A look-up whose answers the test gives, one after the other. */
const makeLookUp = () => {
  const begun: Deferred<string>[] = [];
  const lookUp = (): Promise<string> => {
    const answer = deferred<string>();
    begun.push(answer);
    return answer.promise;
  };
  return { begun, lookUp };
};

/** Lets everything happen that only waits for promises which are settled. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('SharedLookups', () => {
  it('begins at once where nothing is under way', async () => {
    const { begun, lookUp } = makeLookUp();
    const answer = new SharedLookups<string>().ask('a', lookUp);
    begun[0]?.resolve('one');
    expect(await answer).toBe('one');
  });

  it('begins one more, at the end of that under way, for all who asked meanwhile', async () => {
    const lookups = new SharedLookups<string>();
    const { begun, lookUp } = makeLookUp();
    const first = lookups.ask('a', lookUp);
    const others = [1, 2, 3].map(() => lookups.ask('a', lookUp));
    await settle();
    expect(begun).toHaveLength(1);
    begun[0]?.resolve('old');
    expect(await first).toBe('old');
    await settle();
    expect(begun).toHaveLength(2);
    begun[1]?.resolve('new');
    expect(await Promise.all(others)).toEqual(['new', 'new', 'new']);
  });

  it('goes on so for those who ask while the second is under way', async () => {
    const lookups = new SharedLookups<string>();
    const { begun, lookUp } = makeLookUp();
    void lookups.ask('a', lookUp);
    const second = lookups.ask('a', lookUp);
    begun[0]?.resolve('1');
    await settle();
    const third = lookups.ask('a', lookUp);
    begun[1]?.resolve('2');
    await settle();
    begun[2]?.resolve('3');
    expect([await second, await third]).toEqual(['2', '3']);
    expect(begun).toHaveLength(3);
  });

  it('remembers nothing once all are answered', async () => {
    const lookups = new SharedLookups<string>();
    const { begun, lookUp } = makeLookUp();
    const first = lookups.ask('a', lookUp);
    begun[0]?.resolve('1');
    await first;
    await settle();
    const second = lookups.ask('a', lookUp);
    begun[1]?.resolve('2');
    expect(await second).toBe('2');
  });

  it('goes on after a look-up that failed', async () => {
    const lookups = new SharedLookups<string>();
    const { begun, lookUp } = makeLookUp();
    const first = lookups.ask('a', lookUp);
    const second = lookups.ask('a', lookUp);
    begun[0]?.reject(new Error('a bug'));
    await expect(first).rejects.toThrow('a bug');
    await settle();
    begun[1]?.resolve('2');
    expect(await second).toBe('2');
  });

  it('keeps different questions apart', () => {
    const lookups = new SharedLookups<string>();
    const { begun, lookUp } = makeLookUp();
    void lookups.ask('a', lookUp);
    void lookups.ask('b', lookUp);
    expect(begun).toHaveLength(2);
  });
});
