import { RubyRegexp } from './ruby-value.js';
import type { SourceCursor } from './source-cursor.js';

/** Reads the expression of a `#{…}` in a string, up to the `}`, and returns its text. */
export type Interpolate = (cursor: SourceCursor) => string;

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  s: ' ',
  e: '\x1b',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '<': '>' };

const OCTAL = /[0-7]{1,3}/y;
const HEX = /x([0-9a-fA-F]{1,2})/y;
const UNICODE = /u(?:([0-9a-fA-F]{4})|\{([0-9a-fA-F]{1,6})\})/y;

/** Reads a string after its opening delimiter. Only `\\` and an escaped delimiter are special. */
export const readSingleQuoted = (cursor: SourceCursor, end: string): string => {
  let text = '';
  for (;;) {
    const character = cursor.take('the string');
    if (character === end) return text;
    if (character === '\\' && (cursor.next === '\\' || cursor.next === end))
      text += cursor.take('the string');
    else text += character;
  }
};

/** Reads a string after its opening delimiter, with escapes and `#{…}`. */
export const readDoubleQuoted = (cursor: SourceCursor, end: string, interpolate: Interpolate): string => {
  let text = '';
  for (;;) {
    const character = cursor.take('the string');
    if (character === end) return text;
    if (character === '\\') text += readEscape(cursor);
    else if (character === '#' && cursor.skip('{')) {
      text += interpolate(cursor);
      cursor.expect('}');
    } else text += character;
  }
};

const readEscape = (cursor: SourceCursor): string => {
  const code = cursor.match(HEX)?.[1] ?? cursor.match(UNICODE)?.slice(1).find(Boolean);
  if (code !== undefined) {
    const point = parseInt(code, 16);
    return point <= 0x10ffff
      ? String.fromCodePoint(point)
      : cursor.fail(`there is no character \\u{${code}}`);
  }
  const octal = cursor.match(OCTAL)?.[0];
  if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8) & 0xff);
  if (cursor.skip('\n')) return '';
  const character = cursor.take('the string');
  return SIMPLE_ESCAPES[character] ?? character;
};

/** Reads a regular expression after `/` or `%r{`. Its text stays as written, except for escaped slashes. */
export const readRegexp = (cursor: SourceCursor, open: string): RubyRegexp => {
  const end = CLOSING[open] ?? open;
  let source = '';
  let depth = 0;
  for (;;) {
    const character = cursor.take('the regular expression');
    if (character === '\\') {
      const escaped = cursor.take('the regular expression');
      source += escaped === '/' ? '/' : `\\${escaped}`;
      continue;
    }
    if (character === end && depth === 0) break;
    if (end !== open && character === open) depth++;
    if (end !== open && character === end) depth--;
    if (character === '#' && cursor.next === '{') {
      cursor.fail('a regular expression must not hold #{…}');
    }
    source += character;
  }
  return new RubyRegexp(source, cursor.match(/[a-z]*/y)?.[0] ?? '');
};

/** Reads a list after `%w` or `%i`: words between delimiters, separated by white space. */
export const readWords = (cursor: SourceCursor): string[] =>
  readSingleQuoted(cursor, closingDelimiter(cursor)).split(/\s+/).filter(Boolean);

/** Moves over the opening delimiter of a `%` literal and returns its closing delimiter. */
export const closingDelimiter = (cursor: SourceCursor): string => {
  const open = cursor.take('the literal');
  if (/[\w\s]/.test(open)) cursor.fail(`a % literal cannot begin with '${open}'`);
  return CLOSING[open] ?? open;
};
