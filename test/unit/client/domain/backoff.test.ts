import { expect, test } from 'vitest';
import { backoffMs } from '../../../../src/client/domain/backoff.js';

const OPTIONS = { firstMs: 1000, maxMs: 60_000 };

test('doubles the wait up to the maximum', () => {
  expect([1, 2, 3, 7, 100].map((failures) => backoffMs(failures, OPTIONS, 0))).toEqual([
    1000, 2000, 4000, 60_000, 60_000,
  ]);
});

test('subtracts up to half of the wait at random', () => {
  expect(backoffMs(2, OPTIONS, 0.5)).toBe(1500);
  expect(backoffMs(2, OPTIONS, 0.9999)).toBe(1000);
});
