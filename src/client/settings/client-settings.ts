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
import type { Whitelist } from '../domain/whitelist.js';
import { SettingValues } from './setting-values.js';
import { readWhitelist } from './whitelist-setting.js';

/** Whom TLS connections to the Chef Server trust. */
export interface TlsSettings {
  readonly verify: boolean;
  readonly caFile: string | undefined;
  readonly trustedDir: string | undefined;
}

/** Where the log goes: a stream or a file's path. */
export type LogLocation = 'STDOUT' | 'STDERR' | { readonly path: string };

/** How the client is set up (node client, "Configuration"). */
export interface ClientSettings {
  /** Without `/` at the end. */
  readonly serverUrl: string;
  readonly organization: string;
  /** Undefined means this machine's full name. */
  readonly nodeName: string | undefined;
  readonly clientKeyPath: string;
  readonly whitelist: Whitelist;
  readonly fileDir: string;
  readonly fileDirExpiryMs: number;
  /** Where it is noted which jobs were run here. */
  readonly stateDir: string;
  /** Longest message that is sent, in bytes. */
  readonly maxBodySize: number;
  readonly allowUnencrypted: boolean;
  readonly allowedVariables: readonly string[] | undefined;
  /** Milliseconds between TERM and KILL for a job that is aborted. */
  readonly killGraceMs: number;
  readonly signatureVersion: SignatureVersion;
  readonly tls: TlsSettings;
  readonly proxy: ProxySettings;
  readonly logLevel: Level;
  readonly logLocation: LogLocation;
}

/** What was given on the command line; it wins over the file. */
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

/** Users other than root have no place of their own in /var. */
const defaultStateDir = (): string =>
  process.getuid?.() === 0
    ? '/var/lib/push-jobs-client'
    : join(homedir(), '.local', 'state', 'push-jobs-client');

/** Less has no room for a message without any output. */
const MIN_BODY_SIZE = 4096;

const SERVER_URL = /^https?:\/\/[^?#]+\/organizations\/([a-z0-9][a-z0-9_-]*)\/?$/;

/** Checks and completes the settings of a file. The error names what is wrong, and where. Other programs' are ignored. */
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

const read = (values: SettingValues, given: SettingOverrides): ClientSettings => {
  const seconds = (name: string, otherwise: number): number => (values.positive(name) ?? otherwise) * 1000;
  return {
    ...readServer(values, given.serverUrl),
    nodeName: given.nodeName ?? values.text('node_name'),
    clientKeyPath: given.clientKeyPath ?? values.text('client_key') ?? DEFAULTS.clientKeyPath,
    whitelist: readWhitelist(values),
    fileDir: given.fileDir ?? values.text('file_dir') ?? DEFAULTS.fileDir,
    stateDir: given.stateDir ?? values.text('state_dir') ?? defaultStateDir(),
    fileDirExpiryMs: seconds('file_dir_expiry', DEFAULTS.fileDirExpiryS),
    maxBodySize: readMaxBodySize(values, given.maxBodySize),
    allowUnencrypted: given.allowUnencrypted ?? values.flag('allow_unencrypted') ?? false,
    allowedVariables: values.names('allowed_overwritable_env_vars'),
    killGraceMs: seconds('kill_grace_period', DEFAULTS.killGraceS),
    signatureVersion: values.choice('authentication_protocol_version', SIGNATURE_VERSIONS) ?? '1.1',
    tls: readTls(values),
    proxy: readProxies(values),
    logLevel: given.logLevel ?? readLogLevel(values),
    logLocation: given.logPath === undefined ? readLogLocation(values) : { path: given.logPath },
  };
};

const readServer = (
  values: SettingValues,
  given: string | undefined,
): Pick<ClientSettings, 'serverUrl' | 'organization'> => {
  const address = given ?? values.text('chef_server_url');
  const organization = SERVER_URL.exec(address ?? '')?.[1];
  if (address !== undefined && organization !== undefined && URL.canParse(address))
    return { serverUrl: address.replace(/\/$/, ''), organization };
  const problem = `${address === undefined ? 'is not set' : `is '${address}'`}; it must be like https://chef.example.com/organizations/ORG`;
  throw given === undefined ? values.faultIn('chef_server_url', problem) : optionFault('--server', problem);
};

const readMaxBodySize = (values: SettingValues, given: number | undefined): number => {
  const size = given ?? values.positive('max_body_size') ?? DEFAULTS.maxBodySize;
  if (size >= MIN_BODY_SIZE) return size;
  const problem = `is ${size}; it must be ${MIN_BODY_SIZE} or more`;
  throw given === undefined
    ? values.faultIn('max_body_size', problem)
    : optionFault('--max-body-size', problem);
};

const optionFault = (option: string, problem: string): AppError =>
  new AppError('settings_value', `${option} ${problem}`);

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
  return values.text('log_location') === 'STDERR' ? 'STDERR' : 'STDOUT'; // `:syslog` and such too
};
