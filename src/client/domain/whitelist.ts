import type { CompiledRegexp } from '../../shared/lib/ruby-settings/compile-regexp.js';
import type { NamePatterns } from './job-environment.js';

/** The command of a whitelisted name. */
export interface WhitelistEntry {
  /** For the shell. `\1` to `\9` stand for what the groups of the expression matched, `\0` for the whole name. */
  readonly commandLine: string;
  /** Path of the file that the client locks before it votes yes. */
  readonly lock?: string;
  /** The variables that jobs of this name may set; undefined means those of the setting. */
  readonly allowedEnv?: NamePatterns;
}

/** A regular expression for names and the command of these names. */
export interface WhitelistPattern {
  /** The expression as written in the settings. */
  readonly text: string;
  /** Undefined if it cannot be used: then the names that reach it are declined, because it might match them. */
  readonly expression: CompiledRegexp | undefined;
  /** Why jobs of this entry are declined; undefined if they are not. */
  readonly fault?: string;
  readonly entry: WhitelistEntry;
}

/** The job names that may run. Exact names take precedence; then the first expression that matches applies. */
export interface Whitelist {
  readonly exact: ReadonlyMap<string, WhitelistEntry>;
  readonly patterns: readonly WhitelistPattern[];
}

/** The entry for a job's name. */
export interface WhitelistMatch {
  readonly entry: WhitelistEntry;
  /** The whole name and the groups that the expression matched; undefined for an exact name. */
  readonly groups?: readonly string[];
  /** Why the job must be declined. */
  readonly fault?: string;
}

/** Finds the entry for a job's name; undefined if it must not run. A name with NUL fits no command line. */
export const findInWhitelist = (whitelist: Whitelist, name: string): WhitelistMatch | undefined => {
  if (name.includes('\0')) return undefined;
  const exact = whitelist.exact.get(name);
  if (exact !== undefined) return { entry: exact };
  for (const { expression, entry, fault } of whitelist.patterns) {
    const groups = expression === undefined ? [name] : expression.matchWhole(name);
    if (groups !== undefined) return { entry, groups, ...(fault === undefined ? {} : { fault }) };
  }
  return undefined;
};

/** Maximum characters of a name in messages to users. */
const MAX_SHOWN_LENGTH = 200;

/** Explains why a name must not run. The Ruby client accepted partial matches, so the text points these out. */
export const explainNotInWhitelist = ({ patterns }: Whitelist, name: string): string => {
  const shown = name.slice(0, MAX_SHOWN_LENGTH);
  const reason = `'${shown}' is not in the whitelist`;
  const partialMatch = patterns.find(({ expression }) => expression?.matchesPart(shown));
  return partialMatch === undefined
    ? reason
    : `${reason}: ${partialMatch.text} matches a part of it only, and must match the whole name; write .* for the parts that may vary`;
};
