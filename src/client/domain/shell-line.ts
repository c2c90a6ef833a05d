import { AppError } from '../../shared/lib/app-error.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { type Quoting, ShellScanner } from './shell-scanner.js';
import type { WhitelistMatch } from './whitelist.js';

/** A command line for the shell and its positional parameters `$1`, `$2`, …. */
export interface ShellLine {
  readonly line: string;
  readonly parameters: readonly string[];
}

/** The line with references, and the groups that must be numbers because the shell calculates with them. */
interface ReferencingLine {
  readonly line: string;
  readonly numbers: ReadonlySet<number>;
}

/** Commands that replace the positional parameters, and definitions of functions, which have parameters of their own. */
const REPLACES_PARAMETERS = /\(\s*\)|\b(?:function|set|shift|source|eval)\b|(?:^|[\s;&|(])\.\s/;

/** Text that no shell takes for anything but a number. */
const NUMBER = /^-?(?:0|[1-9]\d{0,17})$/;

/**
 * Replaces `\0` to `\9` in a whitelisted command line with references to what the groups of the expression matched. The
 * error says which value cannot be used, or what `findShellLineFault` says.
 *
 * The sender's text never becomes part of the line. The shell gets it as positional parameters, whose values it does
 * not parse as code. The quotes around a reference decide how it is written, so that the value arrives as one literal
 * word. (A program that itself evaluates its arguments as code stays unsafe: `eval`, `trap`, `sh -c "… \1"`.)
 */
export const buildShellLine = ({ entry, groups }: WhitelistMatch): Result<ShellLine, string> => {
  if (groups === undefined) return ok({ line: entry.commandLine, parameters: [] });
  const referencing = replaceReferences(entry.commandLine);
  if (!referencing.ok) return referencing;
  const { line, numbers } = referencing.value;
  const parameters = Array.from({ length: 10 }, (_, index) => groups[index] ?? '');
  const wrong = [...numbers].find((group) => !NUMBER.test(parameters[group] ?? ''));
  return wrong === undefined
    ? ok({ line, parameters })
    : err(`\\${wrong} must be a whole number, because the shell calculates with it in ${entry.commandLine}`);
};

/** Says why groups cannot be put into a command line; undefined if they can. */
export const findShellLineFault = (commandLine: string): string | undefined => {
  const referencing = replaceReferences(commandLine);
  return referencing.ok ? undefined : referencing.error;
};

const replaceReferences = (commandLine: string): Result<ReferencingLine, string> => {
  const needsVariables = REPLACES_PARAMETERS.test(commandLine);
  const used = new Set<number>();
  const numbers = new Set<number>();
  const scanner = new ShellScanner(commandLine, (group, quoting) => {
    used.add(group);
    if (quoting === 'arithmetic') numbers.add(group);
    return quoteReference(needsVariables ? `\${push_jobs_${group}}` : `\${${group + 1}}`, quoting);
  });
  try {
    const line = scanner.scan();
    const assignments = [...used].map((group) => `push_jobs_${group}=\${${group + 1}}; `).join('');
    return ok({ line: needsVariables ? assignments + line : line, numbers });
  } catch (thrown) {
    if (thrown instanceof AppError) return err(thrown.message);
    throw thrown;
  }
};

const quoteReference = (reference: string, quoting: Quoting): string => {
  if (quoting === 'single') return `'"${reference}"'`;
  return quoting === 'none' ? `"${reference}"` : reference;
};
