import { describe, expect, it } from 'vitest';
import { SingleFlight } from '../../../../src/shared/lib/single-flight.js';
import { type Deferred, deferred } from '../../../../src/shared/lib/deferred.js';

/** A lookup whose results the test provides, one after the other. */
const makeLookUp = () => {
  const begun: Deferred<string>[] = [];
  const lookUp = (): Promise<string> => {
    const result = deferred<string>();
    begun.push(result);
    return result.promise;
  };
  return { begun, lookUp };
};

/** Runs all callbacks of settled promises. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('SingleFlight', () => {
  it('starts at once if no lookup is running', async () => {
    const { begun, lookUp } = makeLookUp();
    const result = new SingleFlight<string>().run('a', lookUp);
    begun[0]?.resolve('one');
    expect(await result).toBe('one');
  });

  it('starts one more lookup after the running one for all callers that came meanwhile', async () => {
    const lookups = new SingleFlight<string>();
    const { begun, lookUp } = makeLookUp();
    const first = lookups.run('a', lookUp);
    const others = [1, 2, 3].map(() => lookups.run('a', lookUp));
    await settle();
    expect(begun).toHaveLength(1);
    begun[0]?.resolve('old');
    expect(await first).toBe('old');
    await settle();
    expect(begun).toHaveLength(2);
    begun[1]?.resolve('new');
    expect(await Promise.all(others)).toEqual(['new', 'new', 'new']);
  });

  it('does the same for callers that come during the second lookup', async () => {
    const lookups = new SingleFlight<string>();
    const { begun, lookUp } = makeLookUp();
    void lookups.run('a', lookUp);
    const second = lookups.run('a', lookUp);
    begun[0]?.resolve('1');
    await settle();
    const third = lookups.run('a', lookUp);
    begun[1]?.resolve('2');
    await settle();
    begun[2]?.resolve('3');
    expect([await second, await third]).toEqual(['2', '3']);
    expect(begun).toHaveLength(3);
  });

  it('keeps no result when all callers have theirs', async () => {
    const lookups = new SingleFlight<string>();
    const { begun, lookUp } = makeLookUp();
    const first = lookups.run('a', lookUp);
    begun[0]?.resolve('1');
    await first;
    await settle();
    const second = lookups.run('a', lookUp);
    begun[1]?.resolve('2');
    expect(await second).toBe('2');
  });

  it('continues after a failed lookup', async () => {
    const lookups = new SingleFlight<string>();
    const { begun, lookUp } = makeLookUp();
    const first = lookups.run('a', lookUp);
    const second = lookups.run('a', lookUp);
    begun[0]?.reject(new Error('a bug'));
    await expect(first).rejects.toThrow('a bug');
    await settle();
    begun[1]?.resolve('2');
    expect(await second).toBe('2');
  });

  it('runs lookups with different keys independently', () => {
    const lookups = new SingleFlight<string>();
    const { begun, lookUp } = makeLookUp();
    void lookups.run('a', lookUp);
    void lookups.run('b', lookUp);
    expect(begun).toHaveLength(2);
  });
});
