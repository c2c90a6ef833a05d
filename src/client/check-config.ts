import { loadSettings, nodeNameOf, readClientKey } from './client-setup.js';
import { ignoredCertificates } from './server/server-http.js';
import type { SettingOverrides } from './settings/client-settings.js';

/**
 * Reads all that the client needs to start and hands back, for a person, what it read; asks no server. Throws an
 * AppError where something cannot be used.
 */
export const checkConfig = async (file: string | undefined, overrides: SettingOverrides): Promise<string> => {
  const { settings, file: read } = loadSettings(file, overrides);
  readClientKey(settings.clientKeyPath);
  const ignored = ignoredCertificates(settings.tls);
  const { exact, patterns } = settings.whitelist;
  const names = [...exact.keys(), ...patterns.map(({ text }) => text)];
  return [
    `${read} can be used.`,
    `  server     ${settings.serverUrl}`,
    `  node       ${await nodeNameOf(settings)}`,
    `  key        ${settings.clientKeyPath}`,
    `  job files  ${settings.fileDir}`,
    `  state      ${settings.stateDir}`,
    `  whitelist  ${names.length === 0 ? 'is empty: nothing can be run' : names.join('\n             ')}`,
    ...ignored.map((sentence) => `  warning    ${sentence}`),
    '',
  ].join('\n');
};
