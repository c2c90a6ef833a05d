import { loadSettings, resolveNodeName, readClientKey } from './client-setup.js';
import { ignoredCertificates } from './server/server-http.js';
import type { ClientSettings, SettingOverrides } from './settings/client-settings.js';

/**
 * Reads everything that the client needs at start and returns a summary for users. It contacts no server. Throws an
 * AppError if a setting, the key or a certificate is invalid.
 */
export const checkConfig = async (
  file: string | undefined,
  overrides: SettingOverrides,
  runsAsRoot = process.getuid?.() === 0,
): Promise<string> => {
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
    ...[...ignored, ...whitelistWarnings(settings, runsAsRoot)].map((sentence) => `  warning    ${sentence}`),
    '',
  ].join('\n');
};

/** Which entries are declined, and which run as root with variables that nobody chose. */
const whitelistWarnings = (
  { whitelist: { exact, patterns }, allowedVariables }: ClientSettings,
  runsAsRoot: boolean,
): string[] => {
  const faults = patterns.flatMap(({ fault }) => (fault === undefined ? [] : [fault]));
  const entries = [...exact, ...patterns.map(({ text, entry }) => [text, entry] as const)];
  const open = entries.filter(([, { allowedEnv }]) => (allowedEnv ?? allowedVariables) === undefined);
  if (!runsAsRoot || open.length === 0) return faults;
  const names = open.map(([name]) => name).join(', ');
  return [
    ...faults,
    `as root, ${names} would get all variables of a job but those that known programs read; list what they need in allowed_env, like allowed_env ['APP_*']`,
  ];
};
