import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { serverConfigSchema, type ServerConfig } from './server-config.js';
import { serverSecretsSchema, type ServerSecrets } from './server-secrets.js';
import { parseJson } from '../../shared/lib/json.js';

const readJson = (file: string, what: string): unknown => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    throw new AppError('config_unreadable', `cannot read the ${what} ${file}: ${messageOf(thrown)}`);
  }
  const json = parseJson(text);
  if (json.ok) return json.value;
  throw new AppError('config_not_json', `the ${what} ${file} is not JSON`); // the parser's text may quote a secret
};

const parseAs = <Schema extends z.ZodType>(schema: Schema, json: unknown, file: string): z.infer<Schema> => {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new AppError('config_invalid', `${file} is invalid:\n${z.prettifyError(parsed.error)}`);
};

/** Reads the server's settings from a JSON file; throws an AppError that names the file and each invalid setting. */
export const loadServerConfig = (file: string): ServerConfig =>
  Object.freeze(parseAs(serverConfigSchema, readJson(file, 'configuration file'), file));

/**
 * Reads the server's secrets from a JSON file. Throws an AppError if other users than its owner may read the file, or if
 * a secret is missing or invalid; the error names the secret and never its value.
 */
export const loadServerSecrets = (file: string): ServerSecrets => {
  const json = readJson(file, 'secrets file');
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
    throw new AppError(
      'secrets_exposed',
      `users other than the owner can read ${file}; run: chmod 600 ${file}`,
    );
  }
  return Object.freeze(parseAs(serverSecretsSchema, json, file));
};
