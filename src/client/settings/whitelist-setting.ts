import { compileRegexp } from '../../shared/lib/ruby-settings/compile-regexp.js';
import type { RubySetting } from '../../shared/lib/ruby-settings/read-settings.js';
import {
  kindOf,
  nameOf,
  RubyHash,
  RubyRegexp,
  type RubyValue,
} from '../../shared/lib/ruby-settings/ruby-value.js';
import type { Whitelist, WhitelistEntry, WhitelistPattern } from '../domain/whitelist.js';
import type { SettingValues } from './setting-values.js';

/** The lock of chef-client, which `lock: true` stands for. */
const CHEF_CLIENT_LOCK = '/var/chef/cache/chef-client-running.pid';

/** The whitelist if the settings file has none. */
const DEFAULT_WHITELIST: Whitelist = {
  exact: new Map([['chef-client', { commandLine: 'chef-client' }]]),
  patterns: [],
};

/** Reads the `whitelist` setting. Throws an AppError that names file, line and entry if the setting is invalid. */
export const readWhitelist = (values: SettingValues): Whitelist => {
  const setting = values.find('whitelist');
  if (setting === undefined) return DEFAULT_WHITELIST;
  if (!(setting.value instanceof RubyHash)) {
    throw values.errorAt(setting, `must be a hash of names and command lines, not ${kindOf(setting.value)}`);
  }
  const exact = new Map<string, WhitelistEntry>();
  const patterns: WhitelistPattern[] = [];
  for (const [key, value] of setting.value.entries) {
    const name = key instanceof RubyRegexp ? `/${key.source}/` : nameOf(key);
    if (name === undefined) {
      throw values.errorAt(
        setting,
        `has ${kindOf(key)} as a name; a name is a string or a regular expression`,
      );
    }
    const entry = readEntry(values, setting, name, value);
    if (!(key instanceof RubyRegexp)) exact.set(name, entry);
    else {
      const pattern = compileRegexp(key);
      if (!pattern.ok) throw values.errorAt(setting, `has an invalid name: ${pattern.error}`);
      patterns.push({ text: name, ...pattern.value, entry });
    }
  }
  return { exact, patterns };
};

const readEntry = (
  values: SettingValues,
  setting: RubySetting,
  name: string,
  value: RubyValue,
): WhitelistEntry => {
  const commandLine = value instanceof RubyHash ? value.get('command_line') : value;
  if (typeof commandLine !== 'string' || commandLine === '' || commandLine.includes('\0')) {
    throw values.errorAt(
      setting,
      `must give '${name}' a command line, or a hash with command_line (and lock)`,
    );
  }
  const lock = value instanceof RubyHash ? (value.get('lock') ?? null) : null;
  if (lock === null || lock === false) return { commandLine };
  if (lock === true) return { commandLine, lock: CHEF_CLIENT_LOCK };
  if (typeof lock === 'string' && lock !== '') return { commandLine, lock };
  throw values.errorAt(setting, `has a lock of '${name}' that is neither true, false nor a path`);
};
