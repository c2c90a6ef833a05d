/** Control characters, and characters that change the writing direction: a terminal would execute them. */
const UNSAFE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Escapes control characters (as `\n`, `\u001b`) in text from outside, so that it is safe to print on one line. */
export const printable = (text: string): string =>
  text.replace(UNSAFE, (character) => NAMED[character] ?? unicodeEscape(character));

/**
 * Returns the escape sequence of a character below U+10000: `\u` and four hexadecimal digits, valid in JSON and YAML.
 */
export const unicodeEscape = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Like `printable`, but keeps line breaks. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');
