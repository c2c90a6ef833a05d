import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TailBuffer } from '../../../../src/client/job/tail-buffer.js';

test('keeps everything within the limit', () => {
  const buffer = new TailBuffer(10);
  buffer.add(Buffer.from('01234'));
  buffer.add(Buffer.from('56789'));
  expect(buffer.end().toString()).toBe('0123456789');
  expect(buffer.droppedBytes).toBe(0);
});

test('keeps the end of longer output, whatever its chunks, and counts the dropped bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 400 }), (chunks) => {
      const buffer = new TailBuffer(50);
      for (const chunk of chunks) buffer.add(Buffer.from(chunk));
      const whole = Buffer.concat(chunks);
      const end = buffer.end();
      expect(end.length).toBeLessThanOrEqual(50);
      expect(end.length).toBeGreaterThanOrEqual(Math.min(whole.length, 47));
      expect(end.equals(whole.subarray(whole.length - end.length))).toBe(true);
      expect(buffer.droppedBytes + end.length).toBe(whole.length);
    }),
  );
});

test('begins with a whole character', () => {
  const buffer = new TailBuffer(5);
  buffer.add(Buffer.from('ééé'));
  expect(buffer.end().toString()).toBe('éé');
  expect(buffer.droppedBytes).toBe(2);
});
