import { posix } from 'node:path';
import { PATH_FUNCTIONS, type SettingsContext } from './path-functions.js';
import { kindOf, RubyHash, RubySymbol, type RubyValue } from './ruby-value.js';
import type { SourceCursor } from './source-cursor.js';
import {
  closingDelimiter,
  readDoubleQuoted,
  readRegexp,
  readSingleQuoted,
  readWords,
} from './string-literal.js';

const NUMBER = /-?\d[\d_]*(?:\.\d[\d_]*)?(?![\w.])/y;
const WORD = /[A-Za-z_]\w*/y;
const LABEL = /([A-Za-z_]\w*[?!]?):(?!:)/y;
const SYMBOL = /:([A-Za-z_]\w*[?!]?)/y;
const PERCENT_LITERAL = /%([wWiIqQr]?)(?=[^\w\s])/y;
const OR = /\|\|/y;

const KEYWORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, nil: null };

/** Constants that settings files use as values, such as `log_location STDOUT`. */
const CONSTANTS = new Set(['STDOUT', 'STDERR']);

/** Keeps a broken file from exhausting the stack. */
const MAX_DEPTH = 50;

/** Parses values: literals, and the few expressions that refer to other values. It evaluates nothing else. */
export class ValueReader {
  /** The values of local variables and constants that are assigned so far. */
  readonly variables = new Map<string, RubyValue>();
  private depth = 0;

  constructor(
    private readonly cursor: SourceCursor,
    private readonly context: SettingsContext,
  ) {}

  /** Reads one value with its alternatives after `||`; fails with file and line if there is no value. */
  read(): RubyValue {
    if (++this.depth > MAX_DEPTH) this.cursor.fail(`values are nested more than ${MAX_DEPTH} deep`);
    let value = this.readOne();
    this.cursor.skipBlanks();
    while (this.cursor.match(OR) !== undefined) {
      this.cursor.skipSpace();
      const other = this.readOne();
      if (value === null || value === false) value = other;
      this.cursor.skipBlanks();
    }
    this.depth--;
    return value;
  }

  /** Reads the argument of a setting: a value, or the entries of a hash without braces. */
  readArgument(): RubyValue {
    const { cursor } = this;
    if (!cursor.looksAt(LABEL)) {
      const value = this.read();
      if (!cursor.skip('=>')) return value;
      cursor.skipSpace();
      return this.readBareHash([[value, this.read()]]);
    }
    return this.readBareHash([this.readEntry()]);
  }

  /** Reads the entries after the first; a comma can follow the last one, before `)`. */
  private readBareHash(entries: [RubyValue, RubyValue][]): RubyHash {
    while (this.cursor.skip(',')) {
      this.cursor.skipSpace();
      if (this.cursor.next === ')') break;
      entries.push(this.readEntry());
    }
    return new RubyHash(entries);
  }

  private readOne(): RubyValue {
    const { cursor } = this;
    if (cursor.skip("'")) return readSingleQuoted(cursor, "'");
    if (cursor.skip('"')) return this.readText('"');
    if (cursor.skip('/')) return readRegexp(cursor, '/');
    if (cursor.skip('[')) return this.readList(']');
    if (cursor.skip('{')) return this.readHash();
    if (cursor.next === ':') return this.readSymbol();
    if (cursor.next === '%') return this.readPercentLiteral();
    const number = cursor.match(NUMBER);
    if (number !== undefined) return Number(number[0].replaceAll('_', ''));
    const word = cursor.match(WORD);
    if (word !== undefined) return this.readWord(word[0]);
    return cursor.fail(`expected a value, found ${cursor.describeNext()}`);
  }

  private readText(end: string): string {
    return readDoubleQuoted(this.cursor, end, () => {
      this.cursor.skipBlanks();
      const value = this.read();
      if (typeof value === 'string' || typeof value === 'number') return String(value);
      if (value instanceof RubySymbol) return value.name;
      return value === null ? '' : this.cursor.fail(`${kindOf(value)} cannot stand within a string`);
    });
  }

  /** Reads values up to `end`, separated by commas, after the opening bracket. */
  private readList(end: string): RubyValue[] {
    const values: RubyValue[] = [];
    for (;;) {
      this.cursor.skipSpace();
      if (this.cursor.skip(end)) return values;
      values.push(this.read());
      this.endOfElement(end);
    }
  }

  private readHash(): RubyHash {
    const entries: [RubyValue, RubyValue][] = [];
    for (;;) {
      this.cursor.skipSpace();
      if (this.cursor.skip('}')) return new RubyHash(entries);
      entries.push(this.readEntry());
      this.endOfElement('}');
    }
  }

  private readEntry(): [RubyValue, RubyValue] {
    const { cursor } = this;
    const label = cursor.match(LABEL);
    const key = label?.[1] === undefined ? this.read() : new RubySymbol(label[1]);
    cursor.skipSpace();
    if (label === undefined && !(typeof key === 'string' && cursor.skip(':'))) cursor.expect('=>');
    cursor.skipSpace();
    return [key, this.read()];
  }

  private endOfElement(end: string): void {
    this.cursor.skipSpace();
    if (this.cursor.next !== end) this.cursor.expect(',');
  }

  private readSymbol(): RubySymbol {
    const { cursor } = this;
    const plain = cursor.match(SYMBOL)?.[1];
    if (plain !== undefined) return new RubySymbol(plain);
    cursor.expect(':');
    if (cursor.skip("'")) return new RubySymbol(readSingleQuoted(cursor, "'"));
    if (cursor.skip('"')) return new RubySymbol(this.readText('"'));
    return cursor.fail(`expected a symbol, found ':' and then ${cursor.describeNext()}`);
  }

  private readPercentLiteral(): RubyValue {
    const { cursor } = this;
    const kind = cursor.match(PERCENT_LITERAL)?.[1];
    if (kind === undefined) return cursor.fail(`expected a value, found ${cursor.describeNext()}`);
    if (kind === 'r') return readRegexp(cursor, cursor.take('the regular expression'));
    if (kind === 'w' || kind === 'W') return readWords(cursor);
    if (kind === 'i' || kind === 'I') return readWords(cursor).map((word) => new RubySymbol(word));
    const end = closingDelimiter(cursor);
    return kind === 'q' ? readSingleQuoted(cursor, end) : this.readText(end);
  }

  private readWord(word: string): RubyValue {
    const { cursor } = this;
    const keyword = KEYWORDS[word];
    if (keyword !== undefined) return keyword;
    if (word === '__FILE__') return this.context.file;
    if (word === '__dir__') return posix.dirname(this.context.file);
    if (word === 'ENV' && cursor.next === '[') return this.readEnvironment();
    if (word === 'File' && cursor.skip('.')) return this.callPathFunction();
    const variable = this.variables.get(word);
    if (variable !== undefined) return variable;
    if (CONSTANTS.has(word)) return new RubySymbol(word);
    return cursor.fail(
      `'${word}' is not understood; a value is a string, symbol, number, true, false, nil, array, hash or regular ` +
        `expression, ENV['NAME'], or File.join, File.expand_path or File.dirname of these. Ruby code is not run.`,
    );
  }

  private readEnvironment(): RubyValue {
    this.cursor.expect('[');
    const name = this.read();
    this.cursor.expect(']');
    if (typeof name !== 'string') return this.cursor.fail(`ENV[…] needs a string, not ${kindOf(name)}`);
    return this.context.env[name] ?? null;
  }

  private callPathFunction(): string {
    const { cursor } = this;
    const name = cursor.match(WORD)?.[0] ?? '';
    const call = Object.hasOwn(PATH_FUNCTIONS, name) ? PATH_FUNCTIONS[name] : undefined;
    if (call === undefined) {
      return cursor.fail(
        `File.${name} is not understood; File.${Object.keys(PATH_FUNCTIONS).join(', File.')} are`,
      );
    }
    cursor.expect('(');
    const args = this.readList(')').map((value) =>
      typeof value === 'string' ? value : cursor.fail(`File.${name} needs strings, not ${kindOf(value)}`),
    );
    return call(args, this.context) ?? cursor.fail(`File.${name} needs a path`);
  }
}
