import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CompiledRegexp,
  compileRegexp,
} from '../../../../../src/shared/lib/ruby-settings/compile-regexp.js';
import { RubyRegexp } from '../../../../../src/shared/lib/ruby-settings/ruby-value.js';

const compile = (source: string, flags = ''): CompiledRegexp => {
  const compiled = compileRegexp(new RubyRegexp(source, flags));
  if (!compiled.ok) throw new Error(compiled.error.reason);
  return compiled.value;
};

test.each([
  ['a|ab', '', 'ab', true],
  ['a|ab', '', 'abc', false],
  ['foo', '', 'foo\n', false],
  ['^foo$', '', 'foo\nbar', false],
  ['\\Afoo\\z', '', 'foo', true],
  ['\\Afoo\\Z', '', 'foo', true],
  ['\\Afoo\\z', '', 'foo2', false],
  ['f.o', '', 'f\no', false],
  ['f.o', 'm', 'f\no', true],
  ['f(?m:.)o', '', 'f\no', true],
  ['f(?-m:.)o', 'm', 'f\no', false],
  ['foo', 'i', 'FOO', true],
  ['f(?i:o)o', '', 'fOo', true],
  ['f(?i:o)o', '', 'fOO', false],
  ['f o\to # comment (\n\\ \\#[ #]', 'x', 'foo ##', true],
  ['foo(?# comment )bar', '', 'foobar', true],
  ['[[:alpha:]_]+', '', 'ab_c', true],
  ['[[:alpha:]_]+', '', 'ab1', false],
  ['\\h+', '', 'c0ffee', true],
  ['\\h+', '', 'h', false],
  ['[\\h.]+', '', 'c0.f', true],
  ['(?<x>a)\\[b\\]', '', 'a[b]', true],
  ['a{,3}', '', 'aa', true],
  ['a{,3}', '', 'aaaa', false],
  ['caf\\u{e9}', '', 'café', true],
  ['caf\\u{e9}', '', 'cafu{e9}', false],
  ['[\\u{E9}\\u{20ac}]+', '', 'é€', true],
  ['\\u00e9\\xe9\\x41', '', 'ééA', true],
  ['\\u{1f600}.', '', '😀😀', true],
  ['[{,3}]\\{,3}', '', ',{,3}', true],
  ['[]a]+', '', ']a', true],
  ['[^]a]', '', ']', false],
  ['[\\w.-]+@\\d\\/\\-\\é', '', 'a.b-c@1/-é', true],
  ['\\s[\\S]', '', '\vx', true],
  ['\\s', '', '\u00a0', false],
])('/%s/%s on %j: %s', (source, flags, text, expected) => {
  expect(compile(source, flags).matchWhole(text) !== undefined).toBe(expected);
});

test.each([
  ['a', 'q', "flag 'q'"],
  ['(?>a)b', '', 'cannot be used'],
  ['a++', '', 'cannot be used'],
  ['[[:punct:]]', '', '[:punct:]'],
  ['[a&&b]', '', '&&'],
  ['[a[b]]', '', 'within another'],
  ['(?x: a)', '', '(?x:'],
  ['\\p{Alpha}', '', '\\p'],
  ['\\u{61 62}', '', '\\u{61 62}'],
  ['(', '', 'cannot be used'],
  ['\\a', '', '\\a'],
])('/%s/%s is rejected because its meaning would be another one', (source, flags, reason) => {
  expect(compileRegexp(new RubyRegexp(source, flags))).toMatchObject({
    ok: false,
    error: { reason: expect.stringContaining(reason) as string, needsBacktracking: false },
  });
});

test.each([
  ['(?=a)', 'look-ahead'],
  ['(?!prod).*', 'look-ahead'],
  ['(?<=a)b', 'look-behind'],
  ['(?<!a)b', 'look-behind'],
  ['(a)\\1', 'a reference to a group'],
  ['(?<x>a)\\k<x>', 'a reference to a group'],
  ['a{1001}', 'invalid repeat count'],
])('/%s/ is told apart because only backtracking can match it', (source, reason) => {
  expect(compileRegexp(new RubyRegexp(source, ''))).toMatchObject({
    ok: false,
    error: { reason: expect.stringContaining(reason) as string, needsBacktracking: true },
  });
});

test.each(['((a+)+)', '(a*)*b', '(a|a)*c', '(.*a){20}', '(\\w+\\s?)*!', '^(([a-z])+.)+[A-Z]([a-z])+$'])(
  '/%s/ does not backtrack on a long name', // JavaScript needs longer than the universe exists
  (source) => {
    expect(compile(source).matchWhole(`${'a'.repeat(20_000)}?`)).toBeUndefined();
  },
);

test('returns groups by number; those with a name count, and unused ones are empty', () => {
  expect(compile('(?<x>a)|(b)(c)').matchWhole('a')).toEqual(['a', 'a', '', '']);
  expect(compile('(?<x>a)|(b)(c)').matchWhole('bc')).toEqual(['bc', '', 'b', 'c']);
});

describe('agrees with JavaScript where both have the same syntax', () => {
  const atom = fc.constantFrom(
    ...[
      'a',
      'b',
      'c',
      '.',
      '\\w',
      '\\W',
      '\\d',
      '\\D',
      '\\b',
      '\\B',
      '-',
      '\\.',
      '\\n',
      ' ',
      '1',
      '[ab]',
      '[^ab]',
      '[a-c1]',
    ],
    ...[
      '[\\w-]',
      '[\\d.]',
      '[^\\w]',
      '^',
      '$',
      '\\x41',
      '\\u0042',
      '\\/',
      '_',
      'A',
      'é',
      '{',
      '}',
      ']',
      '[+*?.^$|(){}]',
    ],
  );
  const quantifier = fc.constantFrom(
    '',
    '',
    '',
    '*',
    '+',
    '?',
    '*?',
    '+?',
    '??',
    '{2}',
    '{1,2}',
    '{0,}',
    '{1,2}?',
  );
  const { expression } = fc.letrec<{ expression: string; sequence: string; piece: string }>((tie) => ({
    expression: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|')),
    sequence: fc.array(tie('piece'), { maxLength: 4 }).map((parts) => parts.join('')),
    piece: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'nesting' },
      fc
        .tuple(atom, quantifier)
        .map(([text, repeat]) => (/^(?:\^|\$|\\b|\\B)$/.test(text) ? text : text + repeat)),
      tie('expression').map((text) => `(${text})`),
      tie('expression').map((text) => `(?:${text})`),
      // The engines differ in what a repeated group holds and in empty repetitions.
      fc.tuple(atom, atom, quantifier).map(([a, b, repeat]) => `(?:x${a}|y${b})${repeat}`),
    ),
  }));
  const text = fc
    .array(
      fc.constantFrom(
        'a',
        'b',
        'c',
        'A',
        'B',
        '1',
        '-',
        '.',
        ' ',
        '\n',
        '_',
        'é',
        'x',
        'y',
        '{',
        '/',
        'xa',
        'yb',
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join(''));

  test.each(['', 'i', 'm'])('with the option %j', (flags) => {
    const jsFlags = flags.replace('m', 's');
    fc.assert(
      fc.property(expression, fc.array(text, { minLength: 1, maxLength: 8 }), (source, texts) => {
        const mine = compile(source, flags);
        const whole = new RegExp(`^(?:${source})$`, jsFlags);
        const part = new RegExp(source, jsFlags);
        for (const candidate of texts) {
          const expected = whole.exec(candidate);
          expect(mine.matchWhole(candidate)).toEqual(expected?.map((group?: string) => group ?? ''));
          expect(mine.matchesPart(candidate)).toBe(part.test(candidate));
        }
      }),
      { numRuns: 500 },
    );
  });
});
