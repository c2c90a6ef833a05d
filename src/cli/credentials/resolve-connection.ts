import { join, resolve } from 'node:path';
import type { PushJobsClientOptions } from '../../api-client/push-jobs-client.js';
import { AppError } from '../../lib/app-error.js';
import type { CliEnvironment } from '../cli-environment.js';
import { readConfigFile } from './config-file.js';
import { type ConnectionSettings, isPem } from './connection-settings.js';
import { readCredentials } from './credentials-file.js';
import { chooseProfile } from './profile-name.js';
import { readTextFile } from './read-text-file.js';
import { readTrustedCerts } from './trusted-certs.js';

/** The flags that say where the server is and who asks. */
export interface ConnectionFlags {
  readonly profile?: string | undefined;
  readonly serverUrl?: string | undefined;
  readonly user?: string | undefined;
  readonly key?: string | undefined;
}

/** How to reach the server, and in words where each part of that comes from. */
export interface Connection {
  readonly client: PushJobsClientOptions;
  readonly description: string;
}

/**
 * Puts together how to reach the server: from the flags, else from `.chef/config.rb` or `.chef/knife.rb`, else from the
 * profile of the credentials file. A profile that somebody chose stands before those files, which are not read then.
 * Throws an AppError that says what is missing and where it was looked for.
 */
export const resolveConnection = (flags: ConnectionFlags, environment: CliEnvironment): Connection => {
  const sources = readSources(flags, environment);
  const lookedAt = sources.map(({ source }) => source).join(', ');
  const need = <Name extends 'serverUrl' | 'user' | 'clientKey'>(name: Name, what: string) => {
    const holder = sources.find((source) => (source[name] ?? '') !== '');
    const value = holder?.[name];
    if (holder !== undefined && value !== undefined) return { value, source: holder.source };
    throw new AppError(
      'not_configured',
      `${what} is missing; looked at: ${lookedAt}. Give it in one of them`,
    );
  };
  const serverUrl = need('serverUrl', 'the address of the Chef Server (chef_server_url, --server-url)');
  const user = need('user', 'the name of the user (client_name, --user)');
  const key = need('clientKey', "the user's private key (client_key, --key)");
  const keyText = isPem(key.value) ? key.value : readTextFile(key.value, 'the private key', key.source);
  const ca = trustedFolders(sources, environment).flatMap(readTrustedCerts);
  const keyPlace = isPem(key.value) ? `the key in ${key.source}` : `the key ${key.value} (${key.source})`;
  return {
    client: {
      serverUrl: serverUrl.value,
      user: user.value,
      key: keyText,
      ...(ca.length === 0 ? {} : { ca }),
      verifyTls: sources.find(({ verifyTls }) => verifyTls !== undefined)?.verifyTls ?? true,
    },
    description: `user '${user.value}' (${user.source}), ${keyPlace}, server ${serverUrl.value} (${serverUrl.source})`,
  };
};

/** What there is, the strongest first. */
const readSources = (flags: ConnectionFlags, environment: CliEnvironment): ConnectionSettings[] => {
  const fromFlags: ConnectionSettings = {
    source: 'the flags',
    serverUrl: flags.serverUrl,
    user: flags.user,
    clientKey: flags.key === undefined ? undefined : resolve(environment.cwd, flags.key),
  };
  const profile = chooseProfile(flags.profile, environment);
  const isComplete = [flags.serverUrl, flags.user, flags.key].every((flag) => flag !== undefined);
  if (isComplete && profile.chosenBy === undefined) return [fromFlags];
  const credentials = readCredentials(profile, environment);
  const config = profile.chosenBy === undefined ? readConfigFile(environment) : undefined;
  return config === undefined ? [fromFlags, credentials] : [fromFlags, config, credentials];
};

/** The folder that a source names, else `trusted_certs` beside the sources and in the home folder. */
const trustedFolders = (
  sources: readonly ConnectionSettings[],
  { home }: CliEnvironment,
): readonly string[] => {
  const named = sources.find(({ trustedCertsFolder }) => trustedCertsFolder !== undefined);
  if (named?.trustedCertsFolder !== undefined) return [named.trustedCertsFolder];
  const folders = [...sources.map(({ folder }) => folder), join(home, '.chef')];
  return [...new Set(folders.filter((folder) => folder !== undefined))].map((folder) =>
    join(folder, 'trusted_certs'),
  );
};
