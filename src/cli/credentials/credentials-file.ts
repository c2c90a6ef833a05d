import { dirname, join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { AppError } from '../../shared/lib/app-error.js';
import type { CliEnvironment } from '../cli-environment.js';
import { type ConnectionSettings, isPem, readVerifyMode } from './connection-settings.js';
import { namedPath } from './named-path.js';
import type { ProfileChoice } from './profile-name.js';
import { readIfThere } from './read-text-file.js';

/** What of a profile concerns us; other programs keep settings of their own there. */
const profileSchema = z.object({
  client_name: z.string().optional(),
  node_name: z.string().optional(),
  client_key: z.string().optional(),
  chef_server_url: z.string().optional(),
  ssl_verify_mode: z
    .string()
    .refine((mode) => readVerifyMode(mode) !== undefined, 'must be verify_peer or verify_none')
    .optional(),
  ssl_ca_file: z.string().optional(),
  trusted_certs_dir: z.string().optional(),
  http_proxy: z.string().optional(),
  https_proxy: z.string().optional(),
  no_proxy: z.string().optional(),
});

/** `~/.chef/credentials`, or the file that `CHEF_CREDENTIALS_FILE` names. */
const credentialsPath = ({ home, cwd, env }: Pick<CliEnvironment, 'home' | 'cwd' | 'env'>): string => {
  const named = env.CHEF_CREDENTIALS_FILE ?? '';
  return named === '' ? join(home, '.chef', 'credentials') : namedPath(named, cwd, home);
};

/**
 * Reads a profile of the credentials file; without any settings where there is no such file or profile and nobody asked
 * for it. Throws an AppError that names the file, and never quotes a key, where what was asked for is not there or wrong.
 */
export const readCredentials = (
  profile: ProfileChoice,
  environment: Pick<CliEnvironment, 'home' | 'cwd' | 'env'>,
): ConnectionSettings => {
  const file = credentialsPath(environment);
  const text = readIfThere(file, 'the credentials file');
  const profiles = text === undefined ? {} : parseToml(file, text);
  const found = Object.hasOwn(profiles, profile.name) ? profiles[profile.name] : undefined;
  if (found === undefined) {
    const names = Object.keys(profiles).map((name) => `'${name}'`);
    const there = text === undefined ? 'no such file' : `its profiles: ${names.join(', ') || 'none'}`;
    if (profile.chosenBy === undefined) return { source: `${file} (${there})` };
    throw new AppError(
      'no_profile',
      `no profile '${profile.name}' (chosen by ${profile.chosenBy}) in ${file}: ${there}`,
    );
  }
  const source = `profile '${profile.name}' of ${file}`;
  const parsed = profileSchema.safeParse(found);
  if (!parsed.success)
    throw new AppError('bad_profile', `${source} is not right:\n${z.prettifyError(parsed.error)}`);
  return settingsOf(source, dirname(file), environment.home, parsed.data);
};

const settingsOf = (
  source: string,
  folder: string,
  home: string,
  profile: z.infer<typeof profileSchema>,
): ConnectionSettings => {
  const path = (named: string): string => namedPath(named, folder, home);
  const { client_key: key, trusted_certs_dir: certs, ssl_verify_mode: mode, ssl_ca_file: caFile } = profile;
  return {
    source,
    folder,
    serverUrl: profile.chef_server_url,
    user: profile.client_name ?? profile.node_name,
    clientKey: key === undefined || isPem(key) ? key : path(key),
    verifyTls: mode === undefined ? undefined : readVerifyMode(mode),
    trustedCertsFolder: certs === undefined ? undefined : path(certs),
    caFile: caFile === undefined ? undefined : path(caFile),
    proxy: { http: profile.http_proxy, https: profile.https_proxy, none: profile.no_proxy },
  };
};

const parseToml = (file: string, text: string): Record<string, unknown> => {
  try {
    return parse(text);
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const [reason = ''] = thrown.message.split('\n'); // what follows quotes the file, which may hold a key
    throw new AppError('bad_credentials', `${file}, line ${thrown.line}: ${reason}`);
  }
};
