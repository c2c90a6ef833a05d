import { join, resolve } from 'node:path';
import type { PushJobsClientOptions } from '../../shared/api-client/push-jobs-client.js';
import { AppError } from '../../shared/lib/app-error.js';
import type { CliEnvironment } from '../cli-environment.js';
import { readConfigFile } from './config-file.js';
import { type ConnectionSettings, isPem } from './connection-settings.js';
import { readCredentials } from './credentials-file.js';
import { findDefaultKey } from './find-key.js';
import { chooseProfile } from './profile-name.js';
import { namedPath } from './named-path.js';
import { resolveProxy } from './proxy-settings.js';
import { readTextFile } from './read-text-file.js';
import { withOrganization } from './server-url.js';
import { readCertificates, readTrustedCerts } from './trusted-certs.js';

/** The flags that say where the server is and who asks. */
export interface ConnectionFlags {
  readonly profile?: string | undefined;
  readonly serverUrl?: string | undefined;
  readonly org?: string | undefined;
  readonly user?: string | undefined;
  readonly key?: string | undefined;
}

/** How to reach the server, and in words where each part of that comes from. */
export interface Connection {
  readonly client: PushJobsClientOptions;
  readonly description: string;
  /** What was looked at, the strongest source first. */
  readonly sources: readonly string[];
  /** Where the trusted certificates come from: files and folders. */
  readonly trustedFrom: readonly string[];
}

/**
 * Puts together how to reach the server: from the flags, else from `config.rb` or `knife.rb`, else from the profile of
 * the credentials file. A profile that somebody chose stands before those files, which are not read then. Throws an
 * AppError that says what is missing and where it was looked for.
 */
export const resolveConnection = (flags: ConnectionFlags, environment: CliEnvironment): Connection => {
  const sources = readSources(flags, environment);
  const lookedAt = sources.map(({ source }) => source);
  const missing = (what: string): AppError =>
    new AppError(
      'not_configured',
      `${what} is missing; looked at: ${lookedAt.join(', ')}. Give it in one of them`,
    );
  const serverUrl = pick(sources, 'serverUrl');
  if (serverUrl === undefined)
    throw missing('the address of the Chef Server (chef_server_url, --server-url)');
  const user = pick(sources, 'user');
  if (user === undefined) throw missing('the name of the user (client_name, --user)');
  const key = pick(sources, 'clientKey') ?? defaultKey(user.value, sources, environment);
  if (key === undefined) {
    throw missing(`the user's private key (client_key, --key, or a file ${user.value}.pem in ~/.chef)`);
  }
  const keyText = isPem(key.value) ? key.value : readTextFile(key.value, 'the private key', key.source);
  const keyPlace = isPem(key.value) ? `the key in ${key.source}` : `the key ${key.value} (${key.source})`;
  const trust = readTrust(sources, environment);
  const address = withOrganization(serverUrl.value, flags.org);
  return {
    client: {
      serverUrl: address,
      user: user.value,
      key: keyText,
      ...(trust.ca.length === 0 ? {} : { ca: trust.ca }),
      verifyTls: sources.find(({ verifyTls }) => verifyTls !== undefined)?.verifyTls ?? true,
      proxy: resolveProxy(sources, environment),
    },
    description: `user '${user.value}' (${user.source}), ${keyPlace}, server ${address} (${serverUrl.source})`,
    sources: lookedAt,
    trustedFrom: trust.from,
  };
};

/** A setting, and which source it is from. */
interface Picked {
  readonly value: string;
  readonly source: string;
}

const pick = (
  sources: readonly ConnectionSettings[],
  name: 'serverUrl' | 'user' | 'clientKey' | 'caFile',
): Picked | undefined => {
  for (const { source, [name]: value } of sources) {
    if (value !== undefined && value !== '') return { value, source };
  }
  return undefined;
};

/** What there is, the strongest first. */
const readSources = (flags: ConnectionFlags, environment: CliEnvironment): ConnectionSettings[] => {
  const fromFlags: ConnectionSettings = {
    source: 'the flags',
    serverUrl: flags.serverUrl,
    user: flags.user,
    clientKey: flags.key === undefined ? undefined : namedPath(flags.key, environment.cwd, environment.home),
  };
  const profile = chooseProfile(flags.profile, environment);
  const isComplete = [flags.serverUrl, flags.user, flags.key].every((flag) => flag !== undefined);
  if (isComplete && profile.chosenBy === undefined) return [fromFlags];
  const credentials = readCredentials(profile, environment);
  const config = profile.chosenBy === undefined ? readConfigFile(environment) : undefined;
  return config === undefined ? [fromFlags, credentials] : [fromFlags, config, credentials];
};

/** The folders of the sources and `.chef` of the home folder, each once. */
const chefFolders = (sources: readonly ConnectionSettings[], { home }: CliEnvironment): string[] => [
  ...new Set(
    [...sources.map(({ folder }) => folder), join(home, '.chef')].filter((folder) => folder !== undefined),
  ),
];

const defaultKey = (
  user: string,
  sources: readonly ConnectionSettings[],
  environment: CliEnvironment,
): Picked | undefined => {
  const file = findDefaultKey(user, chefFolders(sources, environment));
  return file === undefined ? undefined : { value: file, source: 'found by its name' };
};

/**
 * The certificates of `ssl_ca_file` (else of `SSL_CERT_FILE`), and those of the folder that a source names, else of
 * `trusted_certs` beside the sources and in the home folder.
 */
const readTrust = (
  sources: readonly ConnectionSettings[],
  environment: CliEnvironment,
): { readonly ca: string[]; readonly from: string[] } => {
  const { env, cwd } = environment;
  const fromEnvironment: ConnectionSettings = {
    source: 'SSL_CERT_FILE',
    caFile: (env.SSL_CERT_FILE ?? '') === '' ? undefined : resolve(cwd, env.SSL_CERT_FILE ?? ''),
  };
  const caFile = pick([...sources, fromEnvironment], 'caFile');
  const named = sources.find(({ trustedCertsFolder }) => trustedCertsFolder !== undefined);
  const folders =
    named?.trustedCertsFolder === undefined
      ? chefFolders(sources, environment).map((folder) => join(folder, 'trusted_certs'))
      : [named.trustedCertsFolder];
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
