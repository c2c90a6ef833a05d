/** What may be run under a name. */
export interface WhitelistEntry {
  /** The shell line; `\1` to `\9` stand for what the groups of the expression matched, `\0` for the whole name. */
  readonly commandLine: string;
  /** Path of the file that must be locked to run it. */
  readonly lock?: string;
}

/** The names that may be run; an exact name comes before any expression, and those are tried in order. */
export interface Whitelist {
  readonly exact: ReadonlyMap<string, WhitelistEntry>;
  /** Each matches a whole name or nothing. */
  readonly patterns: readonly (readonly [pattern: RegExp, entry: WhitelistEntry])[];
}

/** The entry that a job's name leads to. */
export interface WhitelistMatch {
  readonly entry: WhitelistEntry;
  /** Whole name and groups, as the expression matched them; undefined for an exact name. */
  readonly groups?: readonly string[];
}

/** Looks a job's name up; undefined where it must not be run. A name with a NUL can stand in no command line. */
export const findInWhitelist = (whitelist: Whitelist, name: string): WhitelistMatch | undefined => {
  if (name.includes('\0')) return undefined;
  const exact = whitelist.exact.get(name);
  if (exact !== undefined) return { entry: exact };
  for (const [pattern, entry] of whitelist.patterns) {
    const match = pattern.exec(name);
    // A group that took no part is undefined, though its type does not say so.
    if (match !== null) return { entry, groups: Array.from(match, (group?: string) => group ?? '') };
  }
  return undefined;
};
