import { AppError } from '../../shared/lib/app-error.js';
import type { RubySetting, RubySettings } from '../../shared/lib/ruby-settings/read-settings.js';
import { kindOf, nameOf, type RubyValue } from '../../shared/lib/ruby-settings/ruby-value.js';
import { parseProxyUrl } from '../../shared/platform/http/proxy-settings.js';

/** Reads settings by name and type. Throws an AppError that names file and line if a value has another type. */
export class SettingValues {
  constructor(private readonly source: RubySettings) {}

  /**
   * Returns the last setting of this name; undefined if it is missing or nil. Throws if only an element of it is set
   * (`whitelist['a'] = 'b'`), because that would have no effect.
   */
  find(name: string): RubySetting | undefined {
    const element = this.source.settings.find(({ path }) => path.length > 1 && path[0] === name);
    if (element !== undefined)
      throw this.errorAt(element, `sets one element of ${name}; set all of it with ${name}(…)`);
    const found = this.source.settings.findLast(({ path }) => path.length === 1 && path[0] === name);
    return found?.value === null ? undefined : found;
  }

  /** Accepts a string or a symbol. */
  text(name: string): string | undefined {
    return this.read(name, 'a string', nameOf);
  }

  flag(name: string): boolean | undefined {
    return this.read(name, 'true or false', (value) => (typeof value === 'boolean' ? value : undefined));
  }

  /** Accepts a number above 0, also as a string. */
  positive(name: string): number | undefined {
    return this.read(name, 'a number above 0', (value) => {
      const number = typeof value === 'string' && value !== '' ? Number(value) : value;
      return typeof number === 'number' && number > 0 ? number : undefined;
    });
  }

  /** Accepts the address of a proxy, with or without `http://`; undefined if it is empty. */
  proxy(name: string): URL | undefined {
    const address = this.text(name);
    if (address === undefined || address === '') return undefined;
    return this.read(name, 'an address like http://proxy.example.com:3128', () => {
      const url = parseProxyUrl(address);
      return url === undefined ? undefined : new URL(url);
    });
  }

  /** Accepts an array of strings or symbols, or one string with commas. */
  list(name: string): string[] | undefined {
    return this.read(name, 'an array of strings', (value) => {
      if (typeof value === 'string') return value.split(',').map((part) => part.trim());
      if (!Array.isArray(value)) return undefined;
      const names = (value as readonly RubyValue[]).map(nameOf);
      return names.every((one) => one !== undefined) ? names : undefined;
    });
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    return this.read(name, `one of ${choices.join(', ')}`, (value) =>
      choices.find((choice) => choice === nameOf(value)),
    );
  }

  /** Returns an error about a setting in the file. */
  errorAt(setting: RubySetting, problem: string): AppError {
    const name = setting.path.join('.');
    return new AppError('settings_value', `${this.source.file}, line ${setting.line}: ${name} ${problem}`);
  }

  /** Returns an error about the setting of this name, which may be missing. */
  errorFor(name: string, problem: string): AppError {
    const setting = this.find(name);
    if (setting !== undefined) return this.errorAt(setting, problem);
    return new AppError('settings_value', `${this.source.file}: ${name} ${problem}`);
  }

  private read<T>(
    name: string,
    expected: string,
    convert: (value: RubyValue) => T | undefined,
  ): T | undefined {
    const setting = this.find(name);
    if (setting === undefined) return undefined;
    const value = convert(setting.value);
    if (value !== undefined) return value;
    const shown = nameOf(setting.value) ?? kindOf(setting.value);
    throw this.errorAt(setting, `must be ${expected}, not ${shown}`);
  }
}
