import { AppError } from '../app-error.js';
import { err, ok, type Result } from '../result.js';
import type { SettingsContext } from './path-functions.js';
import { nameOf, type RubyValue } from './ruby-value.js';
import { SourceCursor } from './source-cursor.js';
import { ValueReader } from './value-reader.js';

/** One setting and the line that sets it. */
export interface RubySetting {
  /** `['node_name']` of `node_name 'x'`; `['postgresql', 'port']` of `postgresql['port'] = 5432`. */
  readonly path: readonly string[];
  readonly value: RubyValue;
  /** Its first line, from 1. */
  readonly line: number;
}

/** The content of a settings file. */
export interface RubySettings {
  readonly file: string;
  /** In the order of the file; a later setting overrides an earlier one with the same path. */
  readonly settings: readonly RubySetting[];
  /** Variables from `ENV['NAME'] = 'value'` lines; null unsets a variable. */
  readonly environment: ReadonlyMap<string, string | null>;
}

const NAME = /[A-Za-z_]\w*(?:(?:::|\.)[A-Za-z_]\w*)*/y;
const ASSIGN = /=(?![=~>])/y;
const END_OF_STATEMENT = /;|\n|$/y;
const END_OF_FILE = /__END__(?:\r?\n|$)/y;

/** The object that Ruby code uses for settings: `Chef::Config[:node_name] = 'x'` sets `node_name`. */
const OF_CHEF_CONFIG = /^Chef::Config(?:\.|$)/;

/** Keywords that start Ruby code; they have their own error. */
const CODE_WORDS = new Set('if unless case while until for begin def class module do end return'.split(' '));

/**
 * Parses settings in the format of Chef's programs: lines `name value`, `name(value)`, `section['key'] = value`,
 * `Chef::Config[:name] = value`, `ENV['NAME'] = 'value'`, and assignments to variables that later values can use. It runs
 * no code: any other syntax is an AppError `settings_syntax` that names file and line.
 */
export const readRubySettings = (text: string, context: SettingsContext): Result<RubySettings, AppError> => {
  try {
    return ok(new StatementReader(text, context).readAll());
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'settings_syntax') return err(thrown);
    throw thrown;
  }
};

class StatementReader {
  private readonly cursor: SourceCursor;
  private readonly values: ValueReader;
  private readonly settings: RubySetting[] = [];
  private readonly environment = new Map<string, string | null>();

  constructor(text: string, context: SettingsContext) {
    this.cursor = new SourceCursor(text.replace(/^\uFEFF/, ''), context.file);
    this.values = new ValueReader(this.cursor, { ...context, env: this.environmentOver(context.env) });
  }

  readAll(): RubySettings {
    const { cursor } = this;
    for (;;) {
      cursor.skipSpace();
      if (cursor.atEnd || cursor.looksAt(END_OF_FILE)) break;
      if (!cursor.skip(';')) this.readStatement();
    }
    return { file: cursor.file, settings: this.settings, environment: this.environment };
  }

  private readStatement(): void {
    const { cursor } = this;
    const { line } = cursor;
    const name = cursor.match(NAME)?.[0] ?? cursor.fail(`expected a setting, found ${cursor.describeNext()}`);
    if (CODE_WORDS.has(name)) cursor.fail(`'${name}' is Ruby code; settings are read, not run`);
    const keys = this.readKeys();
    cursor.skipBlanks();
    if (cursor.match(ASSIGN) !== undefined) {
      cursor.skipSpace();
      this.assign(name, keys, this.values.read(), line);
    } else if (keys.length > 0) cursor.fail(`expected '=' after ${name}[…], found ${cursor.describeNext()}`);
    else this.add(name, [], this.readArgument(name), line);
    this.endStatement();
  }

  /** Reads the keys of `name['a'][:b]`. A bracket after a blank is not a key but an array as the value. */
  private readKeys(): string[] {
    const { cursor } = this;
    const keys: string[] = [];
    while (cursor.skip('[')) {
      cursor.skipSpace();
      const key = nameOf(this.values.read());
      cursor.skipSpace();
      cursor.expect(']');
      keys.push(key ?? cursor.fail('a key in brackets must be a string or a symbol'));
    }
    return keys;
  }

  private readArgument(name: string): RubyValue {
    const { cursor } = this;
    if (!cursor.skip('(')) {
      if (cursor.looksAt(END_OF_STATEMENT)) cursor.fail(`'${name}' has no value`);
      return this.values.readArgument();
    }
    cursor.skipSpace();
    const value = this.values.readArgument();
    cursor.skipSpace();
    cursor.expect(')');
    return value;
  }

  private assign(name: string, keys: readonly string[], value: RubyValue, line: number): void {
    const [key] = keys;
    if (key === undefined && !/[.:]/.test(name)) this.values.variables.set(name, value);
    else if (name === 'ENV' && key !== undefined) {
      if (value !== null && typeof value !== 'string') this.cursor.fail(`ENV['${key}'] must be a string`);
      this.environment.set(key, value);
    } else this.add(name, keys, value, line);
  }

  private add(name: string, keys: readonly string[], value: RubyValue, line: number): void {
    const path = [name.replace(OF_CHEF_CONFIG, ''), ...keys].filter((part) => part !== '');
    this.settings.push({ path, value, line });
  }

  private endStatement(): void {
    this.cursor.skipBlanks();
    if (this.cursor.next === '#' || this.cursor.match(END_OF_STATEMENT) !== undefined) return;
    this.cursor.fail(
      `this is not understood: ${this.cursor.describeNext()}; settings are read, Ruby code is not run`,
    );
  }

  /** The environment for later lines: variables that the file sets override `env`. */
  private environmentOver(env: SettingsContext['env']): SettingsContext['env'] {
    return new Proxy(env, {
      get: (target, name) =>
        typeof name !== 'string'
          ? undefined
          : this.environment.has(name)
            ? (this.environment.get(name) ?? undefined)
            : target[name],
    });
  }
}
