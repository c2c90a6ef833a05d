import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { setLongTimer } from '../../../../src/shared/lib/timer.js';

const DAY_MS = 24 * 60 * 60 * 1000;

describe('a long timer', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([1, 1000, 2 ** 31 - 1, 2 ** 31, 30 * DAY_MS, 100 * DAY_MS])(
    'of %d ms fires then, once',
    (delayMs) => {
      const fire = vi.fn();
      setLongTimer(delayMs, fire);
      vi.advanceTimersByTime(delayMs - 1);
      expect(fire).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(fire).toHaveBeenCalledTimes(1);
      vi.advanceTimersByTime(200 * DAY_MS);
      expect(fire).toHaveBeenCalledTimes(1);
    },
  );

  it.each([0, -1, -DAY_MS])(
    'of %d ms fires as soon as possible, but not before the caller continues',
    (delayMs) => {
      const fire = vi.fn();
      setLongTimer(delayMs, fire);
      expect(fire).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(fire).toHaveBeenCalledTimes(1);
    },
  );

  it.each([0, 10, 40])('that is cancelled after %d days does not fire', (days) => {
    const fire = vi.fn();
    const timer = setLongTimer(60 * DAY_MS, fire);
    vi.advanceTimersByTime(days * DAY_MS);
    timer.cancel();
    vi.advanceTimersByTime(100 * DAY_MS);
    expect(fire).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('can be cancelled after it has fired', () => {
    const fire = vi.fn();
    const timer = setLongTimer(5, fire);
    vi.advanceTimersByTime(5);
    timer.cancel();
    expect(fire).toHaveBeenCalledTimes(1);
  });
});

it('a long timer does not keep the process alive', () => {
  const alive = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const timer = setLongTimer(60_000, () => undefined);
  expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(alive);
  timer.cancel();
});
