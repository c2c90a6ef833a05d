import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { serverConfigSchema, type ServerConfig } from './server-config.js';
import { serverSecretsSchema, type ServerSecrets } from './server-secrets.js';

const readJson = (file: string, what: string): unknown => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    throw new AppError('config_unreadable', `cannot read the ${what} ${file}: ${messageOf(thrown)}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError('config_not_json', `the ${what} ${file} is not JSON`); // the parser's text would quote it
  }
};

const parseAs = <Schema extends z.ZodType>(schema: Schema, json: unknown, file: string): z.infer<Schema> => {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new AppError('config_invalid', `${file} is not right:\n${z.prettifyError(parsed.error)}`);
};

/** Reads the server's settings from a JSON file; throws an AppError that names the file and each wrong setting. */
export const loadServerConfig = (file: string): ServerConfig =>
  Object.freeze(parseAs(serverConfigSchema, readJson(file, 'configuration file'), file));

/**
 * Reads the server's secrets from a JSON file that only its owner may read; throws an AppError that names the file
 * and what is missing, never a value.
 */
export const loadServerSecrets = (file: string): ServerSecrets => {
  const json = readJson(file, 'secrets file');
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
    throw new AppError(
      'secrets_exposed',
      `${file} can be read by others than its owner; run: chmod 600 ${file}`,
    );
  }
  return Object.freeze(parseAs(serverSecretsSchema, json, file));
};
