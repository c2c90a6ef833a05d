import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AppError, messageOf } from '../shared/lib/app-error.js';
import { resolveProxies } from '../shared/platform/http/proxy-settings.js';
import { runTool } from '../shared/platform/run-tool.js';
import {
  type ClientSettings,
  readClientSettings,
  type SettingOverrides,
} from './settings/client-settings.js';
import { FileEnvironment } from './settings/file-environment.js';
import { loadSettingsFile } from './settings/load-settings.js';

/** The settings and the path of their file. */
export interface LoadedSettings {
  readonly file: string;
  readonly settings: ClientSettings;
}

/**
 * Reads the settings file, applies its variables to our environment, and takes proxies that it does not set from the
 * environment. A caller that reads the file repeatedly passes the same `environment` each time. Throws an AppError if
 * the file is missing, or if a setting or proxy is invalid.
 */
export const loadSettings = (
  file: string | undefined,
  overrides: SettingOverrides,
  environment = new FileEnvironment(process.env),
): LoadedSettings => {
  const source = loadSettingsFile(file, environment.original);
  if (!source.ok) throw source.error;
  const settings = readClientSettings(source.value, overrides);
  if (!settings.ok) throw settings.error;
  environment.apply(source.value.environment);
  const proxy = resolveProxies(settings.value.proxy, process.env);
  return { file: source.value.file, settings: { ...settings.value, proxy } };
};

/** Reads the RSA private key of the client. Throws an AppError if the key is missing or invalid. */
export const readClientKey = (path: string): KeyObject => {
  const keyError = (reason: string): AppError =>
    new AppError('client_key', `cannot use the client key ${path}: ${reason}`);
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(path));
  } catch (thrown) {
    throw keyError(messageOf(thrown));
  }
  if (key.asymmetricKeyType === 'rsa') return key;
  throw keyError(`its type is ${key.asymmetricKeyType ?? 'secret'}, but Chef clients have RSA keys`);
};

/** Returns the node's name from the settings, or else the full host name of this machine. */
export const resolveNodeName = async (settings: ClientSettings): Promise<string> => {
  if (settings.nodeName !== undefined) return settings.nodeName;
  const fullName = await runTool('hostname', ['-f']);
  return (fullName?.exitCode === 0 && fullName.stdout.trim()) || hostname();
};

/** Returns the path of a state file of this node. Several nodes may share one state folder. */
export const statePath = (settings: ClientSettings, nodeName: string, suffix: string): string =>
  join(settings.stateDir, `${settings.organization}.${encodeURIComponent(nodeName)}.${suffix}`);
