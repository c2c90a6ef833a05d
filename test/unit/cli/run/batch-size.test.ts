import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitIntoBatches } from '../../../../src/cli/run/batch-size.js';

describe('batches', () => {
  it('contain every node once, in order, and have the same size except the last', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.oneof(
          fc.integer({ min: 1, max: 70 }).map(String),
          fc.integer({ min: 1, max: 100 }).map((part) => `${part}%`),
        ),
        (count, size) => {
          const nodes = Array.from({ length: count }, (_, index) => `n${index}`);
          const batches = splitIntoBatches(nodes, size);
          expect(batches.flat()).toEqual(nodes);
          const [first] = batches;
          for (const batch of batches.slice(1, -1)) expect(batch).toHaveLength(first!.length);
          expect(batches.at(-1)!.length).toBeLessThanOrEqual(first!.length);
        },
      ),
    );
  });
});
