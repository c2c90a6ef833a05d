import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutputKeeper } from '../../../../src/client/job/output-keeper.js';

test('keeps all of what is within the limit', () => {
  const keeper = new OutputKeeper(10);
  keeper.add(Buffer.from('01234'));
  keeper.add(Buffer.from('56789'));
  expect(keeper.end().toString()).toBe('0123456789');
  expect(keeper.lost).toBe(0);
});

test('keeps the end of more, however it is cut into chunks, and counts what it let go', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 400 }), (chunks) => {
      const keeper = new OutputKeeper(50);
      for (const chunk of chunks) keeper.add(Buffer.from(chunk));
      const whole = Buffer.concat(chunks);
      const end = keeper.end();
      expect(end.length).toBeLessThanOrEqual(50);
      expect(end.length).toBeGreaterThanOrEqual(Math.min(whole.length, 47));
      expect(end.equals(whole.subarray(whole.length - end.length))).toBe(true);
      expect(keeper.lost + end.length).toBe(whole.length);
    }),
  );
});

test('what is kept begins with a whole character', () => {
  const keeper = new OutputKeeper(5);
  keeper.add(Buffer.from('ééé'));
  expect(keeper.end().toString()).toBe('éé');
  expect(keeper.lost).toBe(2);
});
