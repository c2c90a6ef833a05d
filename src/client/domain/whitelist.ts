/** The command of a whitelisted name. */
export interface WhitelistEntry {
  /** For the shell. `\1` to `\9` stand for what the groups of the expression matched, `\0` for the whole name. */
  readonly commandLine: string;
  /** Path of the file that the client locks before it votes yes. */
  readonly lock?: string;
}

/** A regular expression for names and the command of these names. */
export interface WhitelistPattern {
  /** The expression as written in the settings. */
  readonly text: string;
  /** Matches whole names only. */
  readonly whole: RegExp;
  /** Also matches parts of names; used only to explain why a name is not whitelisted. */
  readonly part: RegExp;
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
}

/** Finds the entry for a job's name; undefined if it must not run. A name with NUL fits no command line. */
export const findInWhitelist = (whitelist: Whitelist, name: string): WhitelistMatch | undefined => {
  if (name.includes('\0')) return undefined;
  const exact = whitelist.exact.get(name);
  if (exact !== undefined) return { entry: exact };
  for (const { whole, entry } of whitelist.patterns) {
    const match = whole.exec(name);
    // A group that did not participate is undefined, although its type says string.
    if (match !== null) return { entry, groups: Array.from(match, (group?: string) => group ?? '') };
  }
  return undefined;
};

/** Maximum characters of a name in messages to users. */
const MAX_SHOWN_LENGTH = 200;

/** Explains why a name must not run. The Ruby client accepted partial matches, so the text points these out. */
export const explainNotInWhitelist = ({ patterns }: Whitelist, name: string): string => {
  const shown = name.slice(0, MAX_SHOWN_LENGTH);
  const reason = `'${shown}' is not in the whitelist`;
  const partialMatch = patterns.find(({ part }) => part.test(shown)); // on a long name an expression may be slow
  return partialMatch === undefined
    ? reason
    : `${reason}: ${partialMatch.text} matches a part of it only, and must match the whole name; write .* for the parts that may vary`;
};
