/** Control characters, and those that turn the direction of writing: a terminal would obey them. */
const UNSAFE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Text from elsewhere (a command, a node's name, a server's words), fit to be shown in a line of its own: what a
 * terminal would obey is written out, like `\n` and `\u001b`.
 */
export const printable = (text: string): string =>
  text.replace(UNSAFE, (character) => NAMED[character] ?? escaped(character));

/** A character of the first 65,536 as `\\u` and four digits, which JSON, YAML and people can read. */
export const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The same for a text of several lines, which stay lines. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');
