import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Level } from 'pino';
import { AppError } from '../../shared/lib/app-error.js';
import { err, ok, type Result } from '../../shared/lib/result.js';
import type { ProxySettings } from '../../shared/platform/http/proxy-settings.js';
import type { RubySettings } from '../../shared/lib/ruby-settings/read-settings.js';
import {
  SIGNATURE_VERSIONS,
  type SignatureVersion,
} from '../../shared/protocol/chef-signature/canonical-request.js';
import type { NamePatterns } from '../domain/job-environment.js';
import type { Whitelist } from '../domain/whitelist.js';
import { readNamePatterns } from './allowed-env-setting.js';
import { SettingValues } from './setting-values.js';
import { readWhitelist } from './whitelist-setting.js';

/** Which certificates TLS connections to the Chef Server trust. */
export interface TlsSettings {
  readonly verify: boolean;
  readonly caFile: string | undefined;
  readonly trustedDir: string | undefined;
}

/** Where the log is written: a stream, or a file's path. */
export type LogLocation = 'STDOUT' | 'STDERR' | { readonly path: string };

/** The settings of the client. See docs/spec/node-client.md, "Configuration". */
export interface ClientSettings {
  /** Without trailing `/`. */
  readonly serverUrl: string;
  readonly organization: string;
  /** Undefined means the full host name of this machine. */
  readonly nodeName: string | undefined;
  readonly clientKeyPath: string;
  readonly whitelist: Whitelist;
  readonly fileDir: string;
  readonly fileDirExpiryMs: number;
  /** Folder of the journal and the lock of this node. */
  readonly stateDir: string;
  /** Maximum length of a message to the server, in bytes. */
  readonly maxBodySize: number;
  readonly allowUnencrypted: boolean;
  /** The variables that jobs may set, unless the entry of the whitelist says otherwise; undefined means no list. */
  readonly allowedVariables: NamePatterns | undefined;
  /** Milliseconds between TERM and KILL when a command is ended. */
  readonly killGraceMs: number;
  readonly signatureVersion: SignatureVersion;
  readonly tls: TlsSettings;
  readonly proxy: ProxySettings;
  readonly logLevel: Level;
  readonly logLocation: LogLocation;
}

/** Settings from the command line; they take precedence over the file. */
export interface SettingOverrides {
  readonly serverUrl?: string | undefined;
  readonly nodeName?: string | undefined;
  readonly clientKeyPath?: string | undefined;
  readonly fileDir?: string | undefined;
  readonly stateDir?: string | undefined;
  readonly maxBodySize?: number | undefined;
  readonly allowUnencrypted?: boolean | undefined;
  readonly logLevel?: Level | undefined;
  readonly logPath?: string | undefined;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;

const DEFAULTS = {
  clientKeyPath: '/etc/chef/client.pem',
  fileDir: '/tmp/chef-push',
  fileDirExpiryS: 86_400,
  maxBodySize: 63_000,
  killGraceS: 5,
  trustedDir: '/etc/chef/trusted_certs',
} as const;

/** Users other than root have no folder in /var. */
const defaultStateDir = (): string =>
  process.getuid?.() === 0
    ? '/var/lib/push-jobs-client'
    : join(homedir(), '.local', 'state', 'push-jobs-client');

/** A smaller limit leaves no room for a message without output. */
const MIN_BODY_SIZE = 4096;

const SERVER_URL = /^https?:\/\/[^?#]+\/organizations\/([a-z0-9][a-z0-9_-]*)\/?$/;

/**
 * Validates the settings of a file and adds overrides and defaults. The error names the invalid setting, its file and
 * its line. Settings of other Chef programs are ignored.
 */
export const readClientSettings = (
  source: RubySettings,
  overrides: SettingOverrides,
): Result<ClientSettings, AppError> => {
  try {
    return ok(read(new SettingValues(source), overrides));
  } catch (thrown) {
    if (thrown instanceof AppError) return err(thrown);
    throw thrown;
  }
};

const read = (values: SettingValues, overrides: SettingOverrides): ClientSettings => {
  const seconds = (name: string, defaultS: number): number => (values.positive(name) ?? defaultS) * 1000;
  return {
    ...readServer(values, overrides.serverUrl),
    nodeName: overrides.nodeName ?? values.text('node_name'),
    clientKeyPath: overrides.clientKeyPath ?? values.text('client_key') ?? DEFAULTS.clientKeyPath,
    whitelist: readWhitelist(values),
    fileDir: overrides.fileDir ?? values.text('file_dir') ?? DEFAULTS.fileDir,
    stateDir: overrides.stateDir ?? values.text('state_dir') ?? defaultStateDir(),
    fileDirExpiryMs: seconds('file_dir_expiry', DEFAULTS.fileDirExpiryS),
    maxBodySize: readMaxBodySize(values, overrides.maxBodySize),
    allowUnencrypted: overrides.allowUnencrypted ?? values.flag('allow_unencrypted') ?? false,
    allowedVariables: readAllowedVariables(values),
    killGraceMs: seconds('kill_grace_period', DEFAULTS.killGraceS),
    signatureVersion: values.choice('authentication_protocol_version', SIGNATURE_VERSIONS) ?? '1.1',
    tls: readTls(values),
    proxy: readProxies(values),
    logLevel: overrides.logLevel ?? readLogLevel(values),
    logLocation: overrides.logPath === undefined ? readLogLocation(values) : { path: overrides.logPath },
  };
};

const readServer = (
  values: SettingValues,
  override: string | undefined,
): Pick<ClientSettings, 'serverUrl' | 'organization'> => {
  const address = override ?? values.text('chef_server_url');
  const organization = SERVER_URL.exec(address ?? '')?.[1];
  if (address !== undefined && organization !== undefined && URL.canParse(address))
    return { serverUrl: address.replace(/\/$/, ''), organization };
  const problem = `${address === undefined ? 'is not set' : `is '${address}'`}; it must be like https://chef.example.com/organizations/ORG`;
  throw override === undefined
    ? values.errorFor('chef_server_url', problem)
    : optionError('--server', problem);
};

const readMaxBodySize = (values: SettingValues, override: number | undefined): number => {
  const size = override ?? values.positive('max_body_size') ?? DEFAULTS.maxBodySize;
  if (size >= MIN_BODY_SIZE) return size;
  const problem = `is ${size}; it must be ${MIN_BODY_SIZE} or more`;
  throw override === undefined
    ? values.errorFor('max_body_size', problem)
    : optionError('--max-body-size', problem);
};

const optionError = (option: string, problem: string): AppError =>
  new AppError('settings_value', `${option} ${problem}`);

/** A name may be in either setting. */
const readAllowedVariables = (values: SettingValues): NamePatterns | undefined => {
  const names = values.list('allowed_overwritable_env_vars');
  const setting = values.find('allowed_env');
  if (setting === undefined) return names && { texts: names, matches: (name) => names.includes(name) };
  const patterns = readNamePatterns(setting.value);
  if (!patterns.ok) throw values.errorAt(setting, patterns.error);
  const { texts, matches } = patterns.value;
  return names === undefined
    ? patterns.value
    : { texts: [...names, ...texts], matches: (name) => names.includes(name) || matches(name) };
};

const readTls = (values: SettingValues): TlsSettings => ({
  verify:
    values.choice('ssl_verify_mode', ['verify_peer', 'verify_none'] as const) !== 'verify_none' ||
    values.flag('verify_api_cert') === true,
  caFile: values.text('ssl_ca_file'),
  trustedDir: values.text('trusted_certs_dir') ?? DEFAULTS.trustedDir,
});

const readProxies = (values: SettingValues): ProxySettings => {
  const urlOf = (name: string): string | undefined => {
    const url = values.proxy(name);
    if (url === undefined) return undefined;
    url.username = values.text(`${name}_user`) ?? url.username;
    url.password = values.text(`${name}_pass`) ?? url.password;
    return url.href;
  };
  return { http: urlOf('http_proxy'), https: urlOf('https_proxy'), none: values.text('no_proxy') };
};

const readLogLevel = (values: SettingValues): Level => {
  const level = values.choice('log_level', [...LOG_LEVELS, 'auto', 'trace'] as const);
  return level === undefined || level === 'auto' ? 'info' : level;
};

const readLogLocation = (values: SettingValues): LogLocation => {
  const location = values.find('log_location')?.value;
  if (typeof location === 'string' && location !== 'STDOUT' && location !== 'STDERR')
    return { path: location };
  return values.text('log_location') === 'STDERR' ? 'STDERR' : 'STDOUT'; // `:syslog` and the like mean STDOUT
};
