import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '../../shared/lib/app-error.js';
import { readRubySettings } from '../../shared/lib/ruby-settings/read-settings.js';
import { nameOf, type RubyValue } from '../../shared/lib/ruby-settings/ruby-value.js';
import type { CliEnvironment } from '../cli-environment.js';
import { type ConnectionSettings, isPem, parseVerifyMode, resolvePath } from './connection-settings.js';
import { readTextIfPresent } from './read-text-file.js';

const FILE_NAMES = ['config.rb', 'knife.rb'];

/** The settings that are read; the file may contain settings of other programs. */
const SETTING_NAMES = [
  'chef_server_url',
  'node_name',
  'client_key',
  'client_key_contents',
  'ssl_verify_mode',
  'ssl_ca_file',
  'trusted_certs_dir',
  'http_proxy',
  'https_proxy',
  'no_proxy',
] as const;
type SettingName = (typeof SETTING_NAMES)[number];

const ALTERNATIVES = 'or use --profile, or --server-url, --user and --key';

/**
 * Returns the first `config.rb` or `knife.rb` in these folders: `KNIFE_HOME`, the current folder, `.chef` in the
 * current folder or in a parent of it, `.chef` in the home folder.
 */
const findConfigFile = ({
  cwd,
  home,
  env,
}: Pick<CliEnvironment, 'cwd' | 'home' | 'env'>): string | undefined => {
  const knifeHome = env.KNIFE_HOME ?? '';
  return [
    ...(knifeHome === '' ? [] : [resolve(cwd, knifeHome)]),
    cwd,
    ...[...withAncestors(cwd), home].map((folder) => join(folder, '.chef')),
  ]
    .flatMap((folder) => FILE_NAMES.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
};

const withAncestors = (folder: string): string[] => {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...withAncestors(parent)];
};

/**
 * Reads Chef's `config.rb` or `knife.rb` without running its Ruby code; returns undefined if there is no such file.
 * Throws an AppError that names the file, and the line if known, if a setting is invalid.
 */
export const readConfigFile = (environment: CliEnvironment): ConnectionSettings | undefined => {
  const file = findConfigFile(environment);
  const text = file === undefined ? undefined : readTextIfPresent(file, 'the configuration file');
  if (file === undefined || text === undefined) return undefined;
  const { env, home, cwd } = environment;
  const read = readRubySettings(text, { file, env, home, cwd });
  if (!read.ok) throw new AppError(read.error.code, `${read.error.message}; fix the file, ${ALTERNATIVES}`);

  const values = new Map<SettingName, string>();
  for (const { path, value, line } of read.value.settings) {
    const name = SETTING_NAMES.find((known) => path.length === 1 && path[0] === known);
    if (name !== undefined && value !== null) values.set(name, parseSetting(file, line, name, value));
  }
  return toConnectionSettings(file, home, values);
};

const parseSetting = (file: string, line: number, name: SettingName, value: RubyValue): string => {
  const text = nameOf(value);
  if (text === undefined) throw new AppError('bad_config', `${file}, line ${line}: ${name} must be a string`);
  if (name === 'ssl_verify_mode' && parseVerifyMode(text) === undefined) {
    throw new AppError('bad_config', `${file}, line ${line}: ${name} must be :verify_peer or :verify_none`);
  }
  return text;
};

const toConnectionSettings = (
  file: string,
  home: string,
  values: ReadonlyMap<SettingName, string>,
): ConnectionSettings => {
  const folder = dirname(file);
  const absolute = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolvePath(path, folder, home);
  const key = values.get('client_key_contents') ?? values.get('client_key');
  const mode = values.get('ssl_verify_mode');
  return {
    source: file,
    folder,
    serverUrl: values.get('chef_server_url'),
    user: values.get('node_name'),
    clientKey: key !== undefined && isPem(key) ? key : absolute(key),
    verifyTls: mode === undefined ? undefined : parseVerifyMode(mode),
    trustedCertsFolder: absolute(values.get('trusted_certs_dir')),
    caFile: absolute(values.get('ssl_ca_file')),
    proxy: {
      http: values.get('http_proxy'),
      https: values.get('https_proxy'),
      none: values.get('no_proxy'),
    },
  };
};
