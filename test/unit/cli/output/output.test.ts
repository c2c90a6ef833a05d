import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSince } from '../../../../src/cli/job-options/since.js';
import { formatDocument } from '../../../../src/cli/output/document.js';
import { printable } from '../../../../src/cli/output/printable.js';
import { cutToWidth, formatTable } from '../../../../src/cli/output/table.js';

describe('text from elsewhere', () => {
  it('cannot steer the terminal', () => {
    expect(printable('a\u001b[2J\r\n\tb\u009b\u202ec\u007f')).toBe(
      'a\\u001b[2J\\r\\n\\tb\\u009b\\u202ec\\u007f',
    );
  });

  it('is left alone where it is harmless', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ -~äöüß☃🙂]*$/u), (text) => {
        expect(printable(text)).toBe(text);
      }),
    );
  });
});

describe('a document', () => {
  const value = [{ command: 'a\u009b31m', node: '\u202eb\u001b', text: 'one\n\ttwo\u007f\n', plain: 'a: b' }];

  it.each(['json', 'yaml'] as const)(
    'cannot steer the terminal, and says all that it should: %s',
    (format) => {
      const text = formatDocument(format, value);
      expect(text).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e]/u);
      expect(text).toContain('a\\u009b31m');
      expect(format === 'json' ? JSON.parse(text) : parse(text)).toEqual(value);
    },
  );
});

describe('a cut to the width of a terminal', () => {
  it('never gives more than fits, and all where all fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        const cut = cutToWidth(text, width);
        expect(stringWidth(cut)).toBeLessThanOrEqual(width);
        if (stringWidth(text) <= width) expect(cut).toBe(text);
      }),
    );
  });

  it('does not halve wide characters', () => {
    expect(cutToWidth('宽宽宽', 4)).toBe('宽…');
  });
});

describe('a table', () => {
  it('lines its columns up by what they look like', () => {
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

  it('has its last column cut, so that lines fit', () => {
    expect(formatTable(ROWS, 16)).toEqual(['NAME  TEXT', 'a     short', 'b     much long…']);
  });

  it('keeps something of it, however narrow', () => {
    expect(formatTable(ROWS, 2)[2]).toBe('b     much lo…');
  });
});

describe('a time to look back to', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');

  it.each([
    ['90s', '2026-11-22T11:58:30Z'],
    ['30m', '2026-11-22T11:30:00Z'],
    ['12h', '2026-11-22T00:00:00Z'],
    ['7d', '2026-11-15T12:00:00Z'],
    ['2026-11-01', '2026-11-01T00:00:00Z'],
    ['2026-11-01T10:00:00+02:00', '2026-11-01T08:00:00Z'],
  ])('reads %s', (text, moment) => {
    expect(new Date(readSince(text, now)).toISOString()).toBe(moment.replace('Z', '.000Z'));
  });

  it.each(['', '5', '1w', 'now', '2026-13-45', '-1h'])('refuses %j', (text) => {
    expect(() => readSince(text, now)).toThrow('--since must be a time like');
  });
});
