import { expect, test } from 'vitest';
import { compileRegexp } from '../../../../../src/shared/lib/ruby-settings/compile-regexp.js';
import { RubyRegexp } from '../../../../../src/shared/lib/ruby-settings/ruby-value.js';

const matches = (source: string, flags: string, text: string): boolean => {
  const compiled = compileRegexp(new RubyRegexp(source, flags));
  if (!compiled.ok) throw new Error(compiled.error);
  return compiled.value.whole.test(text);
};

test.each([
  ['a|ab', '', 'ab', true],
  ['a|ab', '', 'abc', false],
  ['foo', '', 'foo\n', false],
  ['^foo$', '', 'foo\nbar', false],
  ['\\Afoo\\z', '', 'foo', true],
  ['\\Afoo\\z', '', 'foo2', false],
  ['f.o', '', 'f\no', false],
  ['f.o', 'm', 'f\no', true],
  ['foo', 'i', 'FOO', true],
  ['[[:alpha:]_]+', '', 'ab_c', true],
  ['[[:alpha:]_]+', '', 'ab1', false],
  ['\\h+', '', 'c0ffee', true],
  ['\\h+', '', 'h', false],
  ['(?<x>a)\\[b\\]', '', 'a[b]', true],
  ['a{,3}', '', 'aa', true],
  ['a{,3}', '', 'aaaa', false],
  ['caf\\u{e9}', '', 'café', true],
  ['caf\\u{e9}', '', 'cafu{e9}', false],
  ['[\\u{E9}\\u{20ac}]+', '', 'é€', true],
  ['\\u00e9', '', 'é', true],
  ['[{,3}]\\{,3}', '', ',{,3}', true],
])('/%s/%s on %j: %s', (source, flags, text, expected) => {
  expect(matches(source, flags, text)).toBe(expected);
});

test.each([
  ['a', 'x', "flag 'x'"],
  ['(?>a)b', '', 'cannot be used'],
  ['[[:punct:]]', '', '[:punct:]'],
  ['[a&&b]', '', '&&'],
  ['\\p{Alpha}', '', '\\p'],
  ['\\u{61 62}', '', '\\u{61 62}'],
  ['\\u{1f600}', '', '\\u{1f600}'],
  ['(', '', 'cannot be used'],
  ['\\a', '', '\\a'],
])('/%s/%s is rejected because JavaScript matches it differently', (source, flags, reason) => {
  expect(compileRegexp(new RubyRegexp(source, flags))).toMatchObject({
    ok: false,
    error: expect.stringContaining(reason) as string,
  });
});
