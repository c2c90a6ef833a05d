import { dirname, join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { AppError } from '../../shared/lib/app-error.js';
import type { CliEnvironment } from '../cli-environment.js';
import { type ConnectionSettings, isPem, parseVerifyMode, resolvePath } from './connection-settings.js';
import type { ProfileChoice } from './profile-name.js';
import { readTextIfPresent } from './read-text-file.js';

/** The settings that are read; a profile may contain settings of other programs. */
const profileSchema = z.object({
  client_name: z.string().optional(),
  node_name: z.string().optional(),
  client_key: z.string().optional(),
  chef_server_url: z.string().optional(),
  ssl_verify_mode: z
    .string()
    .refine((mode) => parseVerifyMode(mode) !== undefined, 'must be verify_peer or verify_none')
    .optional(),
  ssl_ca_file: z.string().optional(),
  trusted_certs_dir: z.string().optional(),
  http_proxy: z.string().optional(),
  https_proxy: z.string().optional(),
  no_proxy: z.string().optional(),
});

const credentialsPath = ({ home, cwd, env }: Pick<CliEnvironment, 'home' | 'cwd' | 'env'>): string => {
  const configured = env.CHEF_CREDENTIALS_FILE ?? '';
  return configured === '' ? join(home, '.chef', 'credentials') : resolvePath(configured, cwd, home);
};

/**
 * Reads a profile of `~/.chef/credentials`, or of the file in `CHEF_CREDENTIALS_FILE`. A missing file or profile gives
 * no settings if it was not explicitly chosen, else an AppError. Throws an AppError if the file or the profile is
 * invalid. Errors name the file and never quote a key.
 */
export const readCredentials = (
  profile: ProfileChoice,
  environment: Pick<CliEnvironment, 'home' | 'cwd' | 'env'>,
): ConnectionSettings => {
  const file = credentialsPath(environment);
  const text = readTextIfPresent(file, 'the credentials file');
  const profiles = text === undefined ? {} : parseToml(file, text);
  const found = Object.hasOwn(profiles, profile.name) ? profiles[profile.name] : undefined;
  if (found === undefined) {
    const names = Object.keys(profiles).map((name) => `'${name}'`);
    const problem = text === undefined ? 'no such file' : `its profiles: ${names.join(', ') || 'none'}`;
    if (profile.chosenBy === undefined) return { source: `${file} (${problem})` };
    throw new AppError(
      'no_profile',
      `no profile '${profile.name}' (chosen by ${profile.chosenBy}) in ${file}: ${problem}`,
    );
  }
  const source = `profile '${profile.name}' of ${file}`;
  const parsed = profileSchema.safeParse(found);
  if (!parsed.success)
    throw new AppError('bad_profile', `${source} is invalid:\n${z.prettifyError(parsed.error)}`);
  return toConnectionSettings(source, dirname(file), environment.home, parsed.data);
};

const toConnectionSettings = (
  source: string,
  folder: string,
  home: string,
  profile: z.infer<typeof profileSchema>,
): ConnectionSettings => {
  const absolute = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolvePath(path, folder, home);
  const { client_key: key, ssl_verify_mode: mode } = profile;
  return {
    source,
    folder,
    serverUrl: profile.chef_server_url,
    user: profile.client_name ?? profile.node_name,
    clientKey: key !== undefined && isPem(key) ? key : absolute(key),
    verifyTls: mode === undefined ? undefined : parseVerifyMode(mode),
    trustedCertsFolder: absolute(profile.trusted_certs_dir),
    caFile: absolute(profile.ssl_ca_file),
    proxy: { http: profile.http_proxy, https: profile.https_proxy, none: profile.no_proxy },
  };
};

const parseToml = (file: string, text: string): Record<string, unknown> => {
  try {
    return parse(text);
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const [reason = ''] = thrown.message.split('\n'); // the other lines quote the file, which may contain a key
    throw new AppError('bad_credentials', `${file}, line ${thrown.line}: ${reason}`);
  }
};
