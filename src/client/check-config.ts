import { loadSettings, resolveNodeName, readClientKey } from './client-setup.js';
import { ignoredCertificates } from './server/server-http.js';
import type { SettingOverrides } from './settings/client-settings.js';

/**
 * Reads everything that the client needs at start and returns a summary for users. It contacts no server. Throws an
 * AppError if a setting, the key or a certificate is invalid.
 */
export const checkConfig = async (file: string | undefined, overrides: SettingOverrides): Promise<string> => {
  const { settings, file: settingsFile } = loadSettings(file, overrides);
  readClientKey(settings.clientKeyPath);
  const ignored = ignoredCertificates(settings.tls);
  const { exact, patterns } = settings.whitelist;
  const names = [...exact.keys(), ...patterns.map(({ text }) => text)];
  return [
    `${settingsFile} is valid.`,
    `  server     ${settings.serverUrl}`,
    `  node       ${await resolveNodeName(settings)}`,
    `  key        ${settings.clientKeyPath}`,
    `  job files  ${settings.fileDir}`,
    `  state      ${settings.stateDir}`,
    `  whitelist  ${names.length === 0 ? 'is empty: the node declines every job' : names.join('\n             ')}`,
    ...ignored.map((sentence) => `  warning    ${sentence}`),
    '',
  ].join('\n');
};
