import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '../../shared/lib/app-error.js';
import { readRubySettings } from '../../shared/lib/ruby-settings/read-settings.js';
import { nameOf, type RubyValue } from '../../shared/lib/ruby-settings/ruby-value.js';
import type { CliEnvironment } from '../cli-environment.js';
import { type ConnectionSettings, isPem, readVerifyMode } from './connection-settings.js';
import { namedPath } from './named-path.js';
import { readIfThere } from './read-text-file.js';

const NAMES = ['config.rb', 'knife.rb'];

/** The settings of the file that concern us; other programs keep settings of their own there. */
const OURS = [
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
type OurName = (typeof OURS)[number];

const HINT = 'or name the connection by --profile, or by --server-url, --user and --key';

type Places = Pick<CliEnvironment, 'cwd' | 'home' | 'env'>;

/**
 * The first `config.rb` or `knife.rb` that there is in these folders: `KNIFE_HOME`, the current one, `.chef` in it or in
 * one above it, `.chef` in the home folder.
 */
const findConfigFile = ({ cwd, home, env }: Places): string | undefined => {
  const knifeHome = env.KNIFE_HOME ?? '';
  return [
    ...(knifeHome === '' ? [] : [resolve(cwd, knifeHome)]),
    cwd,
    ...[...foldersUpward(cwd), home].map((folder) => join(folder, '.chef')),
  ]
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
};

const foldersUpward = (folder: string): string[] => {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...foldersUpward(parent)];
};

/**
 * Reads Chef's own configuration file, where there is one; it is data to us, nothing in it is run. Throws an AppError
 * that names the file, and the line where it can, where it cannot be understood.
 */
export const readConfigFile = (environment: CliEnvironment): ConnectionSettings | undefined => {
  const file = findConfigFile(environment);
  const text = file === undefined ? undefined : readIfThere(file, 'the configuration file');
  if (file === undefined || text === undefined) return undefined;
  const { env, home, cwd } = environment;
  const read = readRubySettings(text, { file, env, home, cwd });
  if (!read.ok) throw new AppError(read.error.code, `${read.error.message}; put it right, ${HINT}`);

  const values = new Map<OurName, string>();
  for (const { path, value, line } of read.value.settings) {
    const name = OURS.find((ours) => path.length === 1 && path[0] === ours);
    if (name !== undefined && value !== null) values.set(name, readText(file, line, name, value));
  }
  return settingsOf(file, home, values);
};

const readText = (file: string, line: number, name: OurName, value: RubyValue): string => {
  const text = nameOf(value);
  if (text === undefined) throw new AppError('bad_config', `${file}, line ${line}: ${name} must be a string`);
  if (name === 'ssl_verify_mode' && readVerifyMode(text) === undefined) {
    throw new AppError('bad_config', `${file}, line ${line}: ${name} must be :verify_peer or :verify_none`);
  }
  return text;
};

const settingsOf = (file: string, home: string, values: ReadonlyMap<OurName, string>): ConnectionSettings => {
  const folder = dirname(file);
  const path = (named: string): string => namedPath(named, folder, home);
  const key = values.get('client_key_contents') ?? values.get('client_key');
  const mode = values.get('ssl_verify_mode');
  const certs = values.get('trusted_certs_dir');
  const caFile = values.get('ssl_ca_file');
  return {
    source: file,
    folder,
    serverUrl: values.get('chef_server_url'),
    user: values.get('node_name'),
    clientKey: key === undefined || isPem(key) ? key : path(key),
    verifyTls: mode === undefined ? undefined : readVerifyMode(mode),
    trustedCertsFolder: certs === undefined ? undefined : path(certs),
    caFile: caFile === undefined ? undefined : path(caFile),
    proxy: {
      http: values.get('http_proxy'),
      https: values.get('https_proxy'),
      none: values.get('no_proxy'),
    },
  };
};
