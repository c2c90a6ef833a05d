/** What a settings file can hold: data only, never code. */
export type RubyValue =
  string | number | boolean | null | RubySymbol | RubyRegexp | readonly RubyValue[] | RubyHash;

/** A symbol such as `:info`, or a constant that stands for itself such as `STDOUT`. */
export class RubySymbol {
  constructor(readonly name: string) {}
}

/** A regular expression as it was written: what stands between the slashes, and the letters after them. */
export class RubyRegexp {
  constructor(
    readonly source: string,
    readonly flags: string,
  ) {}
}

/** A hash; the order of its entries is kept. */
export class RubyHash {
  constructor(readonly entries: readonly (readonly [key: RubyValue, value: RubyValue])[]) {}

  /** The value under this name, whether the key is a string or a symbol; undefined where there is none. */
  get(name: string): RubyValue | undefined {
    const entry = this.entries.findLast(([key]) => nameOf(key) === name);
    return entry?.[1];
  }
}

/** The text of a string or the name of a symbol; undefined for any other value. */
export const nameOf = (value: RubyValue): string | undefined =>
  value instanceof RubySymbol ? value.name : typeof value === 'string' ? value : undefined;

/** A value in words, for an error message: `a string`, `a hash`. */
export const kindOf = (value: RubyValue): string => {
  if (value === null) return 'nil';
  if (value instanceof RubySymbol) return 'a symbol';
  if (value instanceof RubyRegexp) return 'a regular expression';
  if (value instanceof RubyHash) return 'a hash';
  return Array.isArray(value) ? 'an array' : typeof value === 'boolean' ? String(value) : `a ${typeof value}`;
};
