import { type Quoting, QUOTING_TOKEN, ShellQuoting } from './shell-quoting.js';
import type { WhitelistMatch } from './whitelist.js';

/** A command line for the shell and its positional parameters `$1`, `$2`, …. */
export interface ShellLine {
  readonly line: string;
  readonly parameters: readonly string[];
}

const TOKEN = new RegExp(String.raw`\\(\d)|${QUOTING_TOKEN.source}`, 'g');

/**
 * Replaces `\0` to `\9` in a whitelisted command line with references to what the groups of the expression matched.
 *
 * The sender's text never becomes part of the line. The shell gets it as positional parameters, whose values it does
 * not parse as code. The quotes around a reference decide how it is written, so that the value arrives as one literal
 * word. (A command line that itself evaluates a group as code stays unsafe: `eval`, `sh -c "… \1"`, and arithmetic,
 * where some shells run commands in array subscripts. Its expression should then match, for example, digits only.)
 */
export const buildShellLine = ({ entry, groups }: WhitelistMatch): ShellLine => {
  if (groups === undefined) return { line: entry.commandLine, parameters: [] };
  const quoting = new ShellQuoting();
  const line = entry.commandLine.replace(TOKEN, (token, digit: string | undefined) => {
    if (digit !== undefined) return quoteParameter(quoting.current, Number(digit) + 1);
    quoting.advance(token);
    return token;
  });
  return { line, parameters: Array.from({ length: 10 }, (_, index) => groups[index] ?? '') };
};

const quoteParameter = (quoting: Quoting, index: number): string => {
  const parameter = `\${${index}}`;
  if (quoting === 'double') return parameter;
  return quoting === 'single' ? `'"${parameter}"'` : `"${parameter}"`;
};
