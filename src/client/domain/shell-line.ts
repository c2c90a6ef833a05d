import { type Quoting, QUOTING_TOKEN, ShellQuoting } from './shell-quoting.js';
import type { WhitelistMatch } from './whitelist.js';

/** A line for the shell, and its positional parameters `$1`, `$2`, …. */
export interface ShellLine {
  readonly line: string;
  readonly parameters: readonly string[];
}

const TOKEN = new RegExp(String.raw`\\(\d)|${QUOTING_TOKEN.source}`, 'g');

/**
 * Puts what the groups of an expression matched in the place of `\0` to `\9`.
 *
 * The sender's text never becomes part of the line: it is handed to the shell as positional parameters, and the line
 * only names them. A shell does not read the value of a parameter as code, wherever in the line that stands. The
 * quotes around a place decide how the parameter is named, so that its value arrives as one literal word. (A line that
 * itself has a group read as code must see to it: one with `eval`, `sh -c "… \1"`, or arithmetic, in which some shells
 * run what stands in brackets. The expression should let pass nothing but, say, digits then.)
 */
export const buildShellLine = ({ entry, groups }: WhitelistMatch): ShellLine => {
  if (groups === undefined) return { line: entry.commandLine, parameters: [] };
  const quoting = new ShellQuoting();
  const line = entry.commandLine.replace(TOKEN, (token, digit: string | undefined) => {
    if (digit !== undefined) return parameterIn(quoting.now, Number(digit) + 1);
    quoting.pass(token);
    return token;
  });
  return { line, parameters: Array.from({ length: 10 }, (_, index) => groups[index] ?? '') };
};

const parameterIn = (quoting: Quoting, index: number): string => {
  const parameter = `\${${index}}`;
  if (quoting === 'double') return parameter;
  return quoting === 'single' ? `'"${parameter}"'` : `"${parameter}"`;
};
