import { AppError } from '../../shared/lib/app-error.js';
import type { RubySetting, RubySettings } from '../../shared/lib/ruby-settings/read-settings.js';
import { kindOf, nameOf, type RubyValue } from '../../shared/lib/ruby-settings/ruby-value.js';
import { readProxyAddress } from '../../shared/platform/http/proxy-settings.js';

/** Reads settings by name and type. Throws an AppError that names file and line where a value is of another kind. */
export class SettingValues {
  constructor(private readonly source: RubySettings) {}

  /**
   * The last setting of this name; undefined where there is none or it is nil. Throws where a part of it alone is set
   * (`whitelist['a'] = 'b'`), which would change nothing here.
   */
  find(name: string): RubySetting | undefined {
    const part = this.source.settings.find(({ path }) => path.length > 1 && path[0] === name);
    if (part !== undefined)
      throw this.fault(part, `sets a part of ${name} alone; write ${name}(…) with all of it`);
    const found = this.source.settings.findLast(({ path }) => path.length === 1 && path[0] === name);
    return found?.value === null ? undefined : found;
  }

  /** A string, or a symbol's name. */
  text(name: string): string | undefined {
    return this.read(name, 'a string', nameOf);
  }

  flag(name: string): boolean | undefined {
    return this.read(name, 'true or false', (value) => (typeof value === 'boolean' ? value : undefined));
  }

  /** A number above 0, also one that is written as a string. */
  positive(name: string): number | undefined {
    return this.read(name, 'a number above 0', (value) => {
      const number = typeof value === 'string' && value !== '' ? Number(value) : value;
      return typeof number === 'number' && number > 0 ? number : undefined;
    });
  }

  /** The address of a proxy, `http://` where it says nothing of it; undefined where it is empty. */
  proxy(name: string): URL | undefined {
    const address = this.text(name);
    if (address === undefined || address === '') return undefined;
    return this.read(name, 'an address such as http://proxy.example.com:3128', () => {
      const url = readProxyAddress(address);
      return url === undefined ? undefined : new URL(url);
    });
  }

  /** An array of strings or symbols, or one string with commas. */
  names(name: string): string[] | undefined {
    return this.read(name, 'an array of strings', (value) => {
      if (typeof value === 'string') return value.split(',').map((part) => part.trim());
      if (!Array.isArray(value)) return undefined;
      const names = (value as readonly RubyValue[]).map(nameOf);
      return names.every((one) => one !== undefined) ? names : undefined;
    });
  }

  /** One of a few words. */
  choice<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    return this.read(name, `one of ${words.join(', ')}`, (value) =>
      words.find((word) => word === nameOf(value)),
    );
  }

  /** An error about a setting. */
  fault(setting: RubySetting, problem: string): AppError {
    const name = setting.path.join('.');
    return new AppError('settings_value', `${this.source.file}, line ${setting.line}: ${name} ${problem}`);
  }

  /** An error about the setting of this name, also where it is missing. */
  faultIn(name: string, problem: string): AppError {
    const setting = this.find(name);
    if (setting !== undefined) return this.fault(setting, problem);
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
    throw this.fault(setting, `must be ${expected}, not ${shown}`);
  }
}
