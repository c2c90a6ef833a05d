import { err, ok, type Result } from '../result.js';
import { messageOf } from '../app-error.js';
import type { RubyRegexp } from './ruby-value.js';

/** Ruby's bracket classes as parts of a JavaScript character class. */
const BRACKET_CLASSES: Readonly<Record<string, string>> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  word: '\\w',
  space: '\\s',
  blank: ' \\t',
  xdigit: '0-9A-Fa-f',
};

/** Escapes with another or no meaning in JavaScript. */
const ESCAPES: Readonly<Record<string, string>> = {
  A: '(?<![\\s\\S])',
  z: '(?![\\s\\S])',
  Z: '(?=\\n?(?![\\s\\S]))',
  h: '[0-9a-fA-F]',
  H: '[^0-9a-fA-F]',
};

/** Escapes that JavaScript accepts silently with another meaning. */
const UNTRANSLATABLE = /^\\[GRXKpPgQEaeCM]/;

/** Ruby's escape for a character by its hexadecimal code. */
const CODE_POINT = /^\\u\{([\da-f]{1,4})\}$/i;

const TOKEN = /\[:(\^?)(\w+):\]|\\u\{[^}]*\}|\\[\s\S]|\{,\d+\}|\[|\]|[\s\S]/g;

export interface CompiledRegexp {
  /** Matches only a complete text, whatever anchors the expression has. */
  readonly whole: RegExp;
  /** Matches anywhere in a text. */
  readonly part: RegExp;
}

/**
 * Compiles a Ruby regular expression. Supports the flags `i` and `m` (the dot matches a line end). The error says why
 * JavaScript cannot match the expression in the same way.
 */
export const compileRegexp = ({ source, flags }: RubyRegexp): Result<CompiledRegexp, string> => {
  const unknown = /[^imou]/.exec(flags)?.[0];
  if (unknown !== undefined)
    return err(`the flag '${unknown}' of /${source}/${flags} is not supported; i and m are`);
  const translated = translate(source);
  if (!translated.ok) return err(`/${source}/ cannot be used: ${translated.error}`);
  try {
    const jsFlags = `${flags.includes('i') ? 'i' : ''}${flags.includes('m') ? 's' : ''}`;
    return ok({
      whole: new RegExp(`^(?:${translated.value})$`, jsFlags),
      part: new RegExp(translated.value, jsFlags),
    });
  } catch (thrown) {
    return err(`/${source}/ cannot be used: ${messageOf(thrown)}`);
  }
};

const translate = (source: string): Result<string, string> => {
  let translated = '';
  let inClass = false;
  for (const [token, negated, className] of source.matchAll(TOKEN)) {
    if (className !== undefined && inClass) {
      const range = BRACKET_CLASSES[className];
      if (range === undefined || negated !== '') return err(`${token} is not supported`);
      translated += range;
    } else if (token.startsWith('\\u{')) {
      const number = CODE_POINT.exec(token)?.[1];
      if (number === undefined) return err(`${token} is not supported; one number of up to four digits is`);
      translated += `\\u${number.padStart(4, '0')}`;
    } else if (token.startsWith('\\')) {
      if (UNTRANSLATABLE.test(token)) return err(`${token} is not supported`);
      const replaced = ESCAPES[token.slice(1)];
      if (replaced !== undefined && inClass)
        return err(`${token} within a class of characters is not supported`);
      translated += replaced ?? token;
    } else {
      if (token === '[' && inClass) return err('a class of characters within another is not supported');
      if (token === '[') inClass = true;
      if (token === ']') inClass = false;
      // In Ruby `{,3}` means at most three times; JavaScript would match these characters literally.
      translated += token.startsWith('{,') && !inClass ? `{0${token.slice(1)}` : token;
    }
  }
  return translated.includes('&&') && /\[[^\]]*&&/.test(translated)
    ? err('&& within a class of characters is not supported')
    : ok(translated);
};
