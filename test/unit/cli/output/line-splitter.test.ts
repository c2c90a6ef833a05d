import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../../src/cli/output/line-splitter.js';

describe('line splitter', () => {
  it('returns the same lines wherever the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[aé☃😀\n]*$/u),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }),
        (text, sizes) => {
          const splitter = new LineSplitter();
          const bytes = Buffer.from(text);
          const lines: string[] = [];
          for (let start = 0, index = 0; start < bytes.length; index++) {
            const size = sizes[index % sizes.length]!;
            lines.push(...splitter.push(bytes.subarray(start, start + size)));
            start += size;
          }
          expect([...lines, ...splitter.end()].join('\n')).toBe(text.replace(/\n$/, ''));
        },
      ),
    );
  });

  it('returns a long line before its end', () => {
    const splitter = new LineSplitter();
    expect(splitter.push(Buffer.from('x'.repeat(10_000)))).toEqual(['x'.repeat(10_000)]);
    expect(splitter.end()).toEqual([]);
  });
});
