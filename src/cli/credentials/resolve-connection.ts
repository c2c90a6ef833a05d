import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { PushJobsClientOptions } from '../../shared/api-client/push-jobs-client.js';
import { AppError } from '../../shared/lib/app-error.js';
import type { CliEnvironment } from '../cli-environment.js';
import { readConfigFile } from './config-file.js';
import { type ConnectionSettings, isPem, resolvePath } from './connection-settings.js';
import { readCredentials } from './credentials-file.js';
import { chooseProfile } from './profile-name.js';
import { resolveProxy } from './proxy-settings.js';
import { readRequiredText } from './read-text-file.js';
import { withOrganization } from './server-url.js';
import { readCertificates, readTrustedCerts } from './trusted-certs.js';

/** The command-line options for the server, the user and the key. */
export interface ConnectionFlags {
  readonly profile?: string | undefined;
  readonly serverUrl?: string | undefined;
  readonly org?: string | undefined;
  readonly user?: string | undefined;
  readonly key?: string | undefined;
}

/** The connection settings, and where they come from. */
export interface Connection {
  readonly client: PushJobsClientOptions;
  /** Names user, key and server with their sources; contains no key. */
  readonly description: string;
  /** The sources, highest priority first. */
  readonly sources: readonly string[];
  /** Files and folders of the trusted certificates. */
  readonly trustedFrom: readonly string[];
}

/**
 * Resolves the connection settings from the command line, else from `config.rb` or `knife.rb`, else from a profile of
 * the credentials file. If a profile was explicitly chosen, `config.rb` and `knife.rb` are not read. Throws an AppError
 * that names a missing setting and the searched sources.
 */
export const resolveConnection = (flags: ConnectionFlags, environment: CliEnvironment): Connection => {
  const sources = readSources(flags, environment);
  const sourceNames = sources.map(({ source }) => source);
  const missing = (what: string): AppError =>
    new AppError(
      'not_configured',
      `${what} is missing; searched: ${sourceNames.join(', ')}. Set it in one of them`,
    );
  const serverUrl = firstSetting(sources, 'serverUrl');
  if (serverUrl === undefined) throw missing('the URL of the Chef Server (chef_server_url, --server-url)');
  const user = firstSetting(sources, 'user');
  if (user === undefined) throw missing('the name of the user (client_name, --user)');
  const key = firstSetting(sources, 'clientKey') ?? findKeyByName(user.value, sources, environment);
  if (key === undefined) {
    throw missing(`the user's private key (client_key, --key, or a file ${user.value}.pem in ~/.chef)`);
  }
  const keyText = isPem(key.value) ? key.value : readRequiredText(key.value, 'the private key', key.source);
  const keyName = isPem(key.value) ? `the key in ${key.source}` : `the key ${key.value} (${key.source})`;
  const trusted = readTrustedCertificates(sources, environment);
  const url = withOrganization(serverUrl.value, flags.org);
  return {
    client: {
      serverUrl: url,
      user: user.value,
      key: keyText,
      ...(trusted.ca.length === 0 ? {} : { ca: trusted.ca }),
      verifyTls: sources.find(({ verifyTls }) => verifyTls !== undefined)?.verifyTls ?? true,
      proxy: resolveProxy(sources, environment),
    },
    description: `user '${user.value}' (${user.source}), ${keyName}, server ${url} (${serverUrl.source})`,
    sources: sourceNames,
    trustedFrom: trusted.from,
  };
};

/** The value of a setting, and the name of its source. */
interface SourcedValue {
  readonly value: string;
  readonly source: string;
}

const firstSetting = (
  sources: readonly ConnectionSettings[],
  name: 'serverUrl' | 'user' | 'clientKey' | 'caFile',
): SourcedValue | undefined => {
  for (const { source, [name]: value } of sources) {
    if (value !== undefined && value !== '') return { value, source };
  }
  return undefined;
};

/** Reads the sources, highest priority first. */
const readSources = (flags: ConnectionFlags, environment: CliEnvironment): ConnectionSettings[] => {
  const fromFlags: ConnectionSettings = {
    source: 'the flags',
    serverUrl: flags.serverUrl,
    user: flags.user,
    clientKey:
      flags.key === undefined ? undefined : resolvePath(flags.key, environment.cwd, environment.home),
  };
  const profile = chooseProfile(flags.profile, environment);
  const isComplete = ![flags.serverUrl, flags.user, flags.key].includes(undefined);
  if (isComplete && profile.chosenBy === undefined) return [fromFlags];
  const credentials = readCredentials(profile, environment);
  const config = profile.chosenBy === undefined ? readConfigFile(environment) : undefined;
  return config === undefined ? [fromFlags, credentials] : [fromFlags, config, credentials];
};

/** Returns the folders of the sources and `.chef` of the home folder, each once. */
const chefFolders = (sources: readonly ConnectionSettings[], { home }: CliEnvironment): string[] => [
  ...new Set(
    [...sources.map(({ folder }) => folder), join(home, '.chef')].filter((folder) => folder !== undefined),
  ),
];

/**
 * Finds the user's key if no source sets it: `USER.pem`, else `user.pem`, in the folders of the sources and `~/.chef`.
 */
const findKeyByName = (
  user: string,
  sources: readonly ConnectionSettings[],
  environment: CliEnvironment,
): SourcedValue | undefined => {
  const isFileName = !/[/\0]/.test(user);
  const folders = chefFolders(sources, environment);
  const file = [...(isFileName ? [`${user}.pem`] : []), 'user.pem']
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
  return file === undefined ? undefined : { value: file, source: 'found by its name' };
};

/**
 * Reads the certificates of `ssl_ca_file` (else of `SSL_CERT_FILE`), and those of `trusted_certs_dir` (else of the
 * folders `trusted_certs` next to the sources and in `~/.chef`).
 */
const readTrustedCertificates = (
  sources: readonly ConnectionSettings[],
  environment: CliEnvironment,
): { readonly ca: string[]; readonly from: string[] } => {
  const { env, cwd } = environment;
  const fromEnvironment: ConnectionSettings = {
    source: 'SSL_CERT_FILE',
    caFile: (env.SSL_CERT_FILE ?? '') === '' ? undefined : resolve(cwd, env.SSL_CERT_FILE ?? ''),
  };
  const caFile = firstSetting([...sources, fromEnvironment], 'caFile');
  const configured = sources.find(({ trustedCertsFolder }) => trustedCertsFolder !== undefined);
  const folders =
    configured?.trustedCertsFolder === undefined
      ? chefFolders(sources, environment).map((folder) => join(folder, 'trusted_certs'))
      : [configured.trustedCertsFolder];
  const found = folders
    .map((folder) => ({ folder, certificates: readTrustedCerts(folder) }))
    .filter(({ certificates }) => certificates.length > 0);
  return {
    ca: [
      ...(caFile === undefined ? [] : [readCertificates(caFile.value, caFile.source)]),
      ...found.flatMap(({ certificates }) => certificates),
    ],
    from: [...(caFile === undefined ? [] : [caFile.value]), ...found.map(({ folder }) => folder)],
  };
};
