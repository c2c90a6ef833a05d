/** What may be run under a name. */
export interface WhitelistEntry {
  /** The shell line; `\1` to `\9` stand for what the groups of the expression matched, `\0` for the whole name. */
  readonly commandLine: string;
  /** Path of the file that must be locked to run it. */
  readonly lock?: string;
}

/** An expression for names, and what may be run under them. */
export interface WhitelistPattern {
  /** As it is written in the settings. */
  readonly text: string;
  /** Matches a whole name or nothing. */
  readonly whole: RegExp;
  /** Matches any part of a name, which is not enough to run anything. */
  readonly part: RegExp;
  readonly entry: WhitelistEntry;
}

/** The names that may be run; an exact name comes before any expression, and those are tried in order. */
export interface Whitelist {
  readonly exact: ReadonlyMap<string, WhitelistEntry>;
  readonly patterns: readonly WhitelistPattern[];
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
  for (const { whole, entry } of whitelist.patterns) {
    const match = whole.exec(name);
    // A group that took no part is undefined, though its type does not say so.
    if (match !== null) return { entry, groups: Array.from(match, (group?: string) => group ?? '') };
  }
  return undefined;
};

/** How much of a name is shown to a person. */
const SHOWN_LENGTH = 200;

/** Says why a name must not be run; older clients took an expression that matched a part of the name. */
export const whyNotInWhitelist = ({ patterns }: Whitelist, name: string): string => {
  const shown = name.slice(0, SHOWN_LENGTH);
  const reason = `'${shown}' is not in the whitelist`;
  const near = patterns.find(({ part }) => part.test(shown)); // an expression may be slow where a name is long
  return near === undefined
    ? reason
    : `${reason}: ${near.text} matches a part of it only, and must match the whole name; write it with .* where anything may stand`;
};
