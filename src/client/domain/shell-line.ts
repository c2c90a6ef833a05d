import type { WhitelistMatch } from './whitelist.js';

/** A line for the shell, and its positional parameters `$1`, `$2`, …. */
export interface ShellLine {
  readonly line: string;
  readonly parameters: readonly string[];
}

type Quoting = 'none' | 'single' | 'double';

/**
 * Puts what the groups of an expression matched in the place of `\0` to `\9`.
 *
 * The sender's text never becomes part of the line: it is handed to the shell as positional parameters, and the line
 * only names them. A shell does not read the value of a parameter as code, wherever in the line that stands. The
 * quotes around a place decide how the parameter is named, so that its value arrives as one literal word. (A
 * line that itself hands a group to another shell, such as `sh -c "… \1"`, must quote it for that one.)
 */
export const buildShellLine = ({ entry, groups }: WhitelistMatch): ShellLine => {
  if (groups === undefined) return { line: entry.commandLine, parameters: [] };
  let quoting: Quoting = 'none';
  const line = entry.commandLine.replace(/\\(\d)|\\[\s\S]|['"]/g, (token, digit: string | undefined) => {
    if (digit !== undefined) return parameterIn(quoting, Number(digit) + 1);
    if (token.startsWith('\\')) {
      if (quoting === 'single' && token === "\\'") quoting = 'none'; // no escape there: the quote ends
      return token;
    }
    quoting = quotingAfter(quoting, token);
    return token;
  });
  return { line, parameters: Array.from({ length: 10 }, (_, index) => groups[index] ?? '') };
};

const quotingAfter = (quoting: Quoting, quote: string): Quoting => {
  const kind = quote === '"' ? 'double' : 'single';
  if (quoting === 'none') return kind;
  return quoting === kind ? 'none' : quoting;
};

const parameterIn = (quoting: Quoting, index: number): string => {
  const parameter = `\${${index}}`;
  if (quoting === 'double') return parameter;
  return quoting === 'single' ? `'"${parameter}"'` : `"${parameter}"`;
};
