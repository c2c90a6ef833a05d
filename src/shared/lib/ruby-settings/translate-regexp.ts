import { err, ok, type Result } from '../result.js';

/** Why an expression cannot be used. */
export interface RegexpFault {
  readonly reason: string;
  /** Whether Ruby could match the expression, but only by backtracking, which takes too long on some texts. */
  readonly needsBacktracking: boolean;
}

/** Ruby's bracket classes as parts of a class in RE2. */
const BRACKET_CLASSES: Readonly<Record<string, string>> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  word: '\\w',
  space: '\\t-\\r ',
  blank: ' \\t',
  xdigit: '0-9A-Fa-f',
};

/** Escapes with another or no meaning in RE2, outside of a class and within one; undefined is not supported. */
const ESCAPES: Readonly<Record<string, readonly [outside: string, inside: string | undefined]>> = {
  A: ['\\A', undefined],
  z: ['\\z', undefined],
  Z: ['\\z', undefined], // a whole name has no line end after its end
  B: ['\\B', undefined],
  b: ['\\b', '\\x08'],
  h: ['[0-9a-fA-F]', '0-9a-fA-F'],
  H: ['[^0-9a-fA-F]', undefined],
  s: ['[\\t-\\r ]', '\\t-\\r '],
  S: ['[^\\t-\\r ]', '\\x00-\\x08\\x0e-\\x1f!-\\x{10ffff}'],
};

/** Escapes that mean the same in RE2. */
const SAME_ESCAPE = /^\\[wWdDtnrfv0]$/;

/** Escapes that Ruby has, but that are not translated. */
const UNTRANSLATABLE = /^\\[GRXKpPgQEaeCMcux]/;

/** A character by its hexadecimal code. */
const CODE_POINT = /^\\(?:u\{([\da-f]{1,6})\}|u([\da-f]{4})|x([\da-f]{1,2}))$/i;

/** A group or reference that RE2 does not have because it needs backtracking. */
const BACKTRACKING: readonly (readonly [token: RegExp, name: string])[] = [
  [/^\(\?[=!]/, 'look-ahead'],
  [/^\(\?<[=!]/, 'look-behind'],
  [/^\\(?:k|[1-9])/, 'a reference to a group'],
];

const TOKEN =
  /\[:(\^?)(\w+):\]|\\u\{[^}]*\}|\\u[\da-f]{4}|\\x[\da-f]{1,2}|\\c[a-z]|\\[\s\S]|\(\?#[^)]*\)|\(\?<?[=!]|\(\?[a-z-]*[:)]|\{,\d+\}|[\s\S]/giu;

/** Translates the source of a Ruby expression to RE2. `isExtended` is the option `x`. */
export const translateRegexp = (source: string, isExtended: boolean): Result<string, RegexpFault> => {
  let translated = '';
  let inClass = false;
  let atClassStart = false;
  let inComment = false;
  for (const [token, negated, className] of source.matchAll(TOKEN)) {
    const isFirstInClass: boolean = inClass && atClassStart;
    atClassStart = isFirstInClass && token === '^';
    if (inComment) inComment = token !== '\n';
    else if (isExtended && !inClass && token === '#') inComment = true;
    else if (className !== undefined && inClass) {
      const range = BRACKET_CLASSES[className];
      if (range === undefined || negated !== '') return unsupported(token);
      translated += range;
    } else if (token.startsWith('\\')) {
      const escape = translateEscape(token, inClass);
      if (!escape.ok) return escape;
      translated += escape.value;
    } else if (inClass) {
      if (token.startsWith('[')) return unsupported('a class of characters within another');
      if (token === ']' && !isFirstInClass) inClass = false;
      translated += token === ']' && isFirstInClass ? '\\]' : token;
    } else if (!(isExtended && /^\s$/.test(token))) {
      const plain = translatePlain(token, isExtended);
      if (!plain.ok) return plain;
      inClass = token === '[';
      atClassStart = inClass;
      translated += plain.value;
    }
  }
  return /\[[^\]]*&&/.test(translated) ? unsupported('&& within a class of characters') : ok(translated);
};

const unsupported = (what: string) => err({ reason: `${what} is not supported`, needsBacktracking: false });

/** Translates an escape. Ruby and RE2 agree that other escaped characters stand for themselves, but letters do so in Ruby only. */
const translateEscape = (token: string, inClass: boolean): Result<string, RegexpFault> => {
  const [, long, four, two] = CODE_POINT.exec(token) ?? [];
  const code = long ?? four ?? two;
  if (code !== undefined) return ok(`\\x{${code}}`);
  if (token.startsWith('\\u{')) return unsupported(`${token} (one number of up to six digits is)`);
  if (/^\\c[a-z]$/i.test(token)) return ok(`\\x{${(token.toUpperCase().charCodeAt(2) % 32).toString(16)}}`);
  const backtracking = findBacktracking(token);
  if (backtracking !== undefined) return err(backtracking);
  if (UNTRANSLATABLE.test(token)) return unsupported(token);
  const special = ESCAPES[token.slice(1)];
  if (special !== undefined) {
    const replaced = special[inClass ? 1 : 0];
    return replaced === undefined ? unsupported(`${token} within a class of characters`) : ok(replaced);
  }
  const isLetter = /^\\[\p{L}\p{N}]$|[^\0-\x7f]/u.test(token);
  return ok(isLetter && !SAME_ESCAPE.test(token) ? token.slice(1) : token);
};

/** Translates what is neither an escape nor part of a class. */
const translatePlain = (token: string, isExtended: boolean): Result<string, RegexpFault> => {
  const backtracking = findBacktracking(token);
  if (backtracking !== undefined) return err(backtracking);
  if (token.startsWith('(?#')) return ok('');
  if (token.startsWith('{,')) return ok(`{0${token.slice(1)}`); // at most so many times
  if (!token.startsWith('(?')) return ok(token);
  const [, on, off = '', end] = /^\(\?([im]*)(?:-([imx]*))?([:)])$/.exec(token) ?? [];
  if (on === undefined || end === undefined || (isExtended && off.includes('x')))
    return unsupported(`${token} within an expression`);
  const options = `${on}-${off.replace('x', '')}`.replace(/-$/, '').replaceAll('m', 's'); // Ruby's m lets the dot match a line end
  return ok(options === '' && end === ')' ? '' : `(?${options}${end}`);
};

const findBacktracking = (token: string): RegexpFault | undefined => {
  const name = BACKTRACKING.find(([pattern]) => pattern.test(token))?.[1];
  return name === undefined
    ? undefined
    : { reason: `${name} is not supported: it needs backtracking`, needsBacktracking: true };
};
