/** A value in a settings file: data, never code. */
export type RubyValue =
  string | number | boolean | null | RubySymbol | RubyRegexp | readonly RubyValue[] | RubyHash;

/** A symbol such as `:info`, or a constant such as `STDOUT`. */
export class RubySymbol {
  constructor(readonly name: string) {}
}

/** A regular expression in source form: the text between the slashes, and the flags after them. */
export class RubyRegexp {
  constructor(
    readonly source: string,
    readonly flags: string,
  ) {}
}

/** A hash with its entries in source order. */
export class RubyHash {
  constructor(readonly entries: readonly (readonly [key: RubyValue, value: RubyValue])[]) {}

  /** The value for a string or symbol key with this name; undefined if there is none. */
  get(name: string): RubyValue | undefined {
    const entry = this.entries.findLast(([key]) => nameOf(key) === name);
    return entry?.[1];
  }
}

/** The text of a string or the name of a symbol; undefined for other values. */
export const nameOf = (value: RubyValue): string | undefined =>
  value instanceof RubySymbol ? value.name : typeof value === 'string' ? value : undefined;

/** Describes the type of a value for an error message: `a string`, `a hash`. */
export const kindOf = (value: RubyValue): string => {
  if (value === null) return 'nil';
  if (value instanceof RubySymbol) return 'a symbol';
  if (value instanceof RubyRegexp) return 'a regular expression';
  if (value instanceof RubyHash) return 'a hash';
  return Array.isArray(value) ? 'an array' : typeof value === 'boolean' ? String(value) : `a ${typeof value}`;
};
