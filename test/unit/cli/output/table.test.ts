import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { truncateToWidth, formatTable } from '../../../../src/cli/output/table.js';

describe('truncateToWidth', () => {
  it('truncates only text that is too wide', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        const cut = truncateToWidth(text, width);
        expect(stringWidth(cut)).toBeLessThanOrEqual(width);
        if (stringWidth(text) <= width) expect(cut).toBe(text);
      }),
    );
  });

  it('does not split wide characters', () => {
    expect(truncateToWidth('宽宽宽', 4)).toBe('宽…');
  });
});

describe('a table', () => {
  it('aligns columns by their width on a terminal', () => {
    expect(
      formatTable([
        ['A', 'B', 'C'],
        ['宽', 'x', ''],
        ['abc', '🙂', 'z'],
      ]),
    ).toEqual(['A    B   C', '宽   x', 'abc  🙂  z']);
  });
});

describe('a table on a narrow terminal', () => {
  const ROWS = [
    ['NAME', 'TEXT'],
    ['a', 'short'],
    ['b', 'much longer than that'],
  ];

  it('truncates its last column', () => {
    expect(formatTable(ROWS, 16)).toEqual(['NAME  TEXT', 'a     short', 'b     much long…']);
  });

  it('keeps a minimum width of its last column', () => {
    expect(formatTable(ROWS, 2)[2]).toBe('b     much lo…');
  });
});
