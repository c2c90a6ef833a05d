import fc from 'fast-check';
import { expect, test } from 'vitest';
import { outputMessage } from '../../../../src/client/domain/client-messages.js';
import {
  maxChunkBytes,
  LiveOutputBuffer,
  type OutputChunk,
} from '../../../../src/client/domain/live-output.js';

const takeAll = (output: LiveOutputBuffer): OutputChunk[] => {
  const chunks: OutputChunk[] = [];
  for (let chunk = output.take(); chunk !== undefined; chunk = output.take()) chunks.push(chunk);
  return chunks;
};

test('joins output that comes together into one chunk of each channel', () => {
  const output = new LiveOutputBuffer();
  output.add('stdout', Buffer.from('a'));
  output.add('stdout', Buffer.from('b'));
  output.add('stderr', Buffer.from('c'));
  output.add('stdout', Buffer.from('d'));
  const chunks = takeAll(output).map(({ number, stream, data }) => [number, stream, data.toString()]);
  expect(chunks).toEqual([
    [1, 'stdout', 'abd'],
    [2, 'stderr', 'c'],
  ]);
});

test('repeats buffered chunks with the same numbers after a rewind, and then new output', () => {
  const output = new LiveOutputBuffer();
  output.add('stdout', Buffer.from('a'));
  output.take();
  output.add('stdout', Buffer.from('b'));
  expect(takeAll(output)).toMatchObject([{ number: 2 }]);
  output.rewind();
  output.add('stdout', Buffer.from('c'));
  expect(takeAll(output).map(({ number, data }) => [number, data.toString()])).toEqual([
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
  ]);
});

test('keeps the latest 64 KiB while no chunk is taken, and counts the dropped bytes', () => {
  const output = new LiveOutputBuffer();
  for (let count = 0; count < 1000; count++) output.add('stdout', Buffer.from(`${count}`.padStart(1024)));
  const [first, ...others] = takeAll(output);
  const kept = Buffer.concat([first!, ...others].map(({ data }) => data)).toString();
  expect(first).toMatchObject({ number: 1, skipped: 1000 * 1024 - kept.length });
  expect(kept.length).toBeGreaterThan(48 * 1024);
  expect(kept.length).toBeLessThanOrEqual(64 * 1024);
  expect(kept.endsWith(' 999')).toBe(true);
});

test('a chunk that was not sent and then dropped leaves no gap in the numbers, but counts as skipped', () => {
  const output = new LiveOutputBuffer();
  output.add('stdout', Buffer.alloc(16 * 1024));
  const chunk = output.take()!;
  output.add('stdout', Buffer.alloc(64 * 1024));
  output.putBack(chunk);
  expect(takeAll(output)[0]).toMatchObject({ number: 1, skipped: 16 * 1024 });
});

test.each([4096, 20_000, 63_000])('no chunk makes a message longer than %i bytes', (maxBytes) => {
  const output = new LiveOutputBuffer(maxChunkBytes(maxBytes));
  output.add('stdout', Buffer.alloc(64 * 1024, 'x'));
  const name = 'n'.repeat(255);
  const identity = { node: name, org: name, host: name, incarnationId: name.slice(0, 36), version: '1.0.0' };
  const stamp = { sequence: Number.MAX_SAFE_INTEGER, nowMs: 0 };
  const sizes = takeAll(output).map(
    (chunk) => JSON.stringify(outputMessage(identity, 'f'.repeat(32), chunk, stamp)).length,
  );
  expect(sizes.length).toBeGreaterThan(0);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(maxBytes);
  expect(Math.max(...sizes)).toBeGreaterThan(Math.min(maxBytes / 3, 16_384));
});

test('numbers have no gap, chunks are bounded, and dropped bytes are counted, whatever is sent or fails', () => {
  const anyStep = fc.oneof(
    fc.record({ add: fc.integer({ min: 0, max: 50_000 }) }),
    fc.constant({ send: true }),
    fc.constant({ send: false }),
  );
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const output = new LiveOutputBuffer();
      const sent: OutputChunk[] = [];
      let added = 0;
      for (const step of steps) {
        if ('add' in step) {
          output.add(step.add % 2 === 0 ? 'stdout' : 'stderr', Buffer.alloc(step.add));
          added += step.add;
          continue;
        }
        const chunk = output.take();
        if (chunk === undefined) continue;
        if (step.send) sent.push(chunk);
        else output.putBack(chunk);
      }
      const left = takeAll(output);
      const all = [...sent, ...left];
      expect(all.map(({ number }) => number)).toEqual(all.map((_, index) => index + 1));
      expect(all.every(({ data }) => data.length <= 16 * 1024)).toBe(true);
      expect(left.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThanOrEqual(64 * 1024);
      const counted = all.reduce((sum, { data, skipped }) => sum + data.length + skipped, 0);
      expect(all.length === 0 || counted === added).toBe(true);
    }),
  );
});
