import { describe, expect, it } from 'vitest';
import { KeyedMutex } from '../../../../src/shared/lib/keyed-mutex.js';
import { deferred } from '../../../../src/shared/lib/deferred.js';

describe('KeyedMutex', () => {
  it('starts a task when the previous one with the same key has ended', async () => {
    const mutex = new KeyedMutex();
    const gate = deferred();
    const order: string[] = [];
    const first = mutex.run('web1', async () => {
      order.push('first begins');
      await gate.promise;
      order.push('first ends');
    });
    const second = mutex.run('web1', () => Promise.resolve(void order.push('second')));
    await mutex.run('web2', () => Promise.resolve(void order.push('another name')));
    gate.resolve();
    await Promise.all([first, second]);

    expect(order).toEqual(['first begins', 'another name', 'first ends', 'second']);
  });

  it('continues after a failed task, and rejects only for its caller', async () => {
    const mutex = new KeyedMutex();
    const failing = mutex.run('web1', () => Promise.reject(new Error('no luck')));
    const next = mutex.run('web1', () => Promise.resolve('done'));

    await expect(failing).rejects.toThrow('no luck');
    await expect(next).resolves.toBe('done');
  });
});
