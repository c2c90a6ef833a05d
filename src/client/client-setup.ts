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

/** The settings, and the file that they come from. */
export interface LoadedSettings {
  readonly file: string;
  readonly settings: ClientSettings;
}

/**
 * Reads the settings, and sets the variables of our environment that the file sets; proxies that neither names are
 * settled then. Whoever reads them more than once hands in the `environment` of the first time. Throws an AppError where
 * the file is missing or something in it, or a proxy, cannot be used.
 */
export const loadSettings = (
  file: string | undefined,
  overrides: SettingOverrides,
  environment = new FileEnvironment(process.env),
): LoadedSettings => {
  const source = loadSettingsFile(file, environment.withoutFile);
  if (!source.ok) throw source.error;
  const settings = readClientSettings(source.value, overrides);
  if (!settings.ok) throw settings.error;
  environment.set(source.value.environment);
  const proxy = resolveProxies(settings.value.proxy, process.env);
  return { file: source.value.file, settings: { ...settings.value, proxy } };
};

/** Reads the RSA private key of the client; throws an AppError where it cannot be used. */
export const readClientKey = (path: string): KeyObject => {
  const fault = (reason: string): AppError =>
    new AppError('client_key', `cannot use the client key ${path}: ${reason}`);
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(path));
  } catch (thrown) {
    throw fault(messageOf(thrown));
  }
  if (key.asymmetricKeyType === 'rsa') return key;
  throw fault(`it is a key of type ${key.asymmetricKeyType ?? 'secret'}; Chef clients have RSA keys`);
};

/** The node's name: as it is set, or else the name that other machines know this one by. */
export const nodeNameOf = async (settings: ClientSettings): Promise<string> => {
  if (settings.nodeName !== undefined) return settings.nodeName;
  const answer = await runTool('hostname', ['-f']);
  return (answer?.exitCode === 0 && answer.stdout.trim()) || hostname();
};

/** Where something of this node is kept: one state folder may serve several nodes. */
export const statePath = (settings: ClientSettings, nodeName: string, suffix: string): string =>
  join(settings.stateDir, `${settings.organization}.${encodeURIComponent(nodeName)}.${suffix}`);
