import { describe, expect, it } from 'vitest';
import { Turns } from '../../../../src/shared/lib/keyed-mutex.js';
import { deferred } from '../../../../src/shared/lib/deferred.js';

describe('Turns', () => {
  it('begins a task when the one before it of the same name has ended', async () => {
    const turns = new Turns();
    const gate = deferred();
    const order: string[] = [];
    const first = turns.take('web1', async () => {
      order.push('first begins');
      await gate.promise;
      order.push('first ends');
    });
    const second = turns.take('web1', () => Promise.resolve(void order.push('second')));
    await turns.take('web2', () => Promise.resolve(void order.push('another name')));
    gate.resolve();
    await Promise.all([first, second]);

    expect(order).toEqual(['first begins', 'another name', 'first ends', 'second']);
  });

  it('goes on after a task that failed, and tells only whoever posted it', async () => {
    const turns = new Turns();
    const failing = turns.take('web1', () => Promise.reject(new Error('no luck')));
    const next = turns.take('web1', () => Promise.resolve('done'));

    await expect(failing).rejects.toThrow('no luck');
    await expect(next).resolves.toBe('done');
  });
});
