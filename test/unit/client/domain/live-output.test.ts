import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LiveOutput, type OutputChunk } from '../../../../src/client/domain/live-output.js';

const takeAll = (output: LiveOutput): OutputChunk[] => {
  const chunks: OutputChunk[] = [];
  for (let chunk = output.take(); chunk !== undefined; chunk = output.take()) chunks.push(chunk);
  return chunks;
};

test('what comes close together on one channel is one chunk; the other channel has its own', () => {
  const output = new LiveOutput();
  output.add('stdout', Buffer.from('a'));
  output.add('stdout', Buffer.from('b'));
  output.add('stderr', Buffer.from('c'));
  output.add('stdout', Buffer.from('d'));
  const chunks = takeAll(output).map(({ number, stream, data }) => [number, stream, data.toString()]);
  expect(chunks).toEqual([
    [1, 'stdout', 'ab'],
    [2, 'stderr', 'c'],
    [3, 'stdout', 'd'],
  ]);
});

test('numbers have no gap, chunks are bounded, and what was let go is counted, whatever is sent or fails', () => {
  const step = fc.oneof(
    fc.record({ add: fc.integer({ min: 0, max: 50_000 }) }),
    fc.constant({ send: true }),
    fc.constant({ send: false }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const output = new LiveOutput();
      const sent: OutputChunk[] = [];
      let added = 0;
      for (const one of steps) {
        if ('add' in one) {
          output.add(one.add % 2 === 0 ? 'stdout' : 'stderr', Buffer.alloc(one.add));
          added += one.add;
          continue;
        }
        const chunk = output.take();
        if (chunk === undefined) continue;
        if (one.send) sent.push(chunk);
        else output.giveBack(chunk);
      }
      const left = takeAll(output);
      const all = [...sent, ...left];
      expect(all.map(({ number }) => number)).toEqual(all.map((_, index) => index + 1));
      expect(all.every(({ data }) => data.length <= 16 * 1024)).toBe(true);
      expect(left.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThanOrEqual(80 * 1024);
      const counted = all.reduce((sum, { data, skipped }) => sum + data.length + skipped, 0);
      expect(all.length === 0 || counted === added).toBe(true);
    }),
  );
});
