import { describe, expect, it } from 'vitest';
import { prefixLines } from '../../../../src/cli/output/prefix-lines.js';

describe('output with a prefix', () => {
  it.each([
    ['', ''],
    ['a', 'n | a\n'],
    ['a\n', 'n | a\n'],
    ['a\r\nb\n', 'n | a\nn | b\n'],
    ['a\n\nb', 'n | a\nn | \nn | b\n'],
    ['a\tb\u0007\n', 'n | a\tb\\u0007\n'],
    ['\n', 'n | \n'],
  ])('prefixes the lines of %j', (text, lines) => {
    expect(prefixLines('n | ', Buffer.from(text))).toBe(lines);
  });
});
