import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { err, type Result } from '../../shared/lib/result.js';
import type { SettingsContext } from '../../shared/lib/ruby-settings/path-functions.js';
import { readRubySettings, type RubySettings } from '../../shared/lib/ruby-settings/read-settings.js';

/** Default settings files; the first one that exists is read. */
export const SETTINGS_FILES = [
  '/etc/chef/chef-push-client.rb',
  '/etc/chef/push-jobs-client.rb',
  '/etc/chef/client.rb',
] as const;

/** Reads the named settings file, or else the first default one that exists. `env` is what the file can refer to. */
export const loadSettingsFile = (
  named: string | undefined,
  env: SettingsContext['env'],
): Result<RubySettings, AppError> => {
  const file = named ?? SETTINGS_FILES.find((path) => existsSync(path));
  if (file === undefined) {
    return err(
      new AppError(
        'settings_missing',
        `there is no settings file: none of ${SETTINGS_FILES.join(', ')} exists`,
      ),
    );
  }
  const path = resolve(file);
  try {
    const place = { file: path, env, home: homedir(), cwd: process.cwd() };
    return readRubySettings(readFileSync(path, 'utf8'), place);
  } catch (thrown) {
    return err(new AppError('settings_unreadable', `cannot read ${path}: ${messageOf(thrown)}`));
  }
};
