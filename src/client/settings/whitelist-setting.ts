import { compileRegexp } from '../../shared/lib/ruby-settings/compile-regexp.js';
import type { RubySetting } from '../../shared/lib/ruby-settings/read-settings.js';
import {
  kindOf,
  nameOf,
  RubyHash,
  RubyRegexp,
  type RubyValue,
} from '../../shared/lib/ruby-settings/ruby-value.js';
import { findShellLineFault } from '../domain/shell-line.js';
import type { Whitelist, WhitelistEntry, WhitelistPattern } from '../domain/whitelist.js';
import { readNamePatterns } from './allowed-env-setting.js';
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
    else patterns.push(readPattern(values, setting, key, entry));
  }
  return { exact, patterns };
};

/** An expression or command line that the Ruby client can use, but this one cannot, does not keep the client from starting. */
const readPattern = (
  values: SettingValues,
  setting: RubySetting,
  key: RubyRegexp,
  entry: WhitelistEntry,
): WhitelistPattern => {
  const text = `/${key.source}/`;
  const place = `${text} in the whitelist (line ${setting.line})`;
  const compiled = compileRegexp(key);
  if (!compiled.ok) {
    if (!compiled.error.needsBacktracking)
      throw values.errorAt(setting, `has an invalid name: ${compiled.error.reason}`);
    const fault = `${place} cannot be used, so it and the entries below it are declined: ${compiled.error.reason}`;
    return { text, expression: undefined, fault, entry };
  }
  const lineFault = findShellLineFault(entry.commandLine);
  if (lineFault === undefined) return { text, expression: compiled.value, entry };
  return { text, expression: compiled.value, fault: `jobs of ${place} are declined: ${lineFault}`, entry };
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
  const entry = { commandLine, ...readAllowedEnv(values, setting, name, value) };
  const lock = value instanceof RubyHash ? (value.get('lock') ?? null) : null;
  if (lock === null || lock === false) return entry;
  if (lock === true) return { ...entry, lock: CHEF_CLIENT_LOCK };
  if (typeof lock === 'string' && lock !== '') return { ...entry, lock };
  throw values.errorAt(setting, `has a lock of '${name}' that is neither true, false nor a path`);
};

const readAllowedEnv = (
  values: SettingValues,
  setting: RubySetting,
  name: string,
  value: RubyValue,
): Pick<WhitelistEntry, 'allowedEnv'> => {
  const patterns = value instanceof RubyHash ? (value.get('allowed_env') ?? null) : null;
  if (patterns === null) return {};
  const allowedEnv = readNamePatterns(patterns);
  if (!allowedEnv.ok)
    throw values.errorAt(setting, `has allowed_env of '${name}', which ${allowedEnv.error}`);
  return { allowedEnv: allowedEnv.value };
};
