import { existsSync, readFileSync } from 'node:fs';
import { AppError, messageOf } from '../../../src/shared/lib/app-error.js';
import type { SettingsContext } from '../../../src/shared/lib/ruby-settings/path-functions.js';
import { readRubySettings, type RubySetting } from '../../../src/shared/lib/ruby-settings/read-settings.js';
import {
  kindOf,
  nameOf,
  RubyHash,
  RubyRegexp,
  type RubyValue,
} from '../../../src/shared/lib/ruby-settings/ruby-value.js';
import { sectionSchemas } from './settings-schema.js';

/** The administrator's settings, with their line numbers. */
export interface SettingsFile {
  readonly file: string;
  /** The settings of each section, not yet validated. */
  readonly sections: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The line of each setting, by `section.key`. */
  readonly lines: ReadonlyMap<string, number>;
}

/**
 * Reads the settings file without validating its values; a missing file sets nothing. Throws an AppError with file and
 * line for a syntax error or an unknown section.
 */
export const readSettingsFile = (file: string, place: Omit<SettingsContext, 'file'>): SettingsFile => {
  const sections: Record<string, Record<string, unknown>> = {};
  const lines = new Map<string, number>();
  for (const setting of settingsOf(file, place)) {
    const [section = '', key, ...deeper] = setting.path;
    if (!Object.hasOwn(sectionSchemas, section) || key === undefined) throw unknownSetting(file, setting);
    lines.set(`${section}.${key}`, setting.line);
    const values = (sections[section] ??= {});
    setValue(values, [key, ...deeper], toPlain(setting.value, file, setting.line));
  }
  return { file, sections, lines };
};

const settingsOf = (file: string, place: Omit<SettingsContext, 'file'>): readonly RubySetting[] => {
  if (!existsSync(file)) return [];
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    throw new AppError('settings_unreadable', `cannot read ${file}: ${messageOf(thrown)}`);
  }
  const read = readRubySettings(text, { ...place, file });
  if (!read.ok) throw read.error;
  return read.value.settings;
};

const unknownSetting = (file: string, { path, line }: RubySetting): AppError => {
  const known = Object.keys(sectionSchemas).map((name) => `${name}['…']`);
  return new AppError(
    'settings_unknown',
    `${file}, line ${line}: '${path.join('.')}' is unknown; settings are ${known.join(', ')}`,
  );
};

/** Sets a nested value; nil unsets it, so that the default applies. */
const setValue = (target: Record<string, unknown>, [key = '', ...deeper]: string[], value: unknown): void => {
  if (deeper.length > 0) {
    const inner = target[key];
    const copy: Record<string, unknown> = typeof inner === 'object' ? { ...inner } : {};
    setValue(copy, deeper, value);
    target[key] = copy;
  } else if (value === null) Reflect.deleteProperty(target, key);
  else target[key] = value;
};

const toPlain = (value: RubyValue, file: string, line: number): unknown => {
  if (value instanceof RubyRegexp) {
    throw new AppError(
      'settings_value',
      `${file}, line ${line}: a regular expression is not a value of any setting`,
    );
  }
  if (Array.isArray(value)) return (value as readonly RubyValue[]).map((one) => toPlain(one, file, line));
  if (value instanceof RubyHash) {
    return Object.fromEntries(
      value.entries.map(([key, one]) => [nameOf(key) ?? kindOf(key), toPlain(one, file, line)]),
    );
  }
  return nameOf(value) ?? value;
};
