import { AppError } from '../../shared/lib/app-error.js';
import { freshCurveKeyPair } from '../../shared/platform/zmq/command-dealer.js';
import { type LoadedSettings, loadSettings, nodeNameOf, readClientKey } from '../client-setup.js';
import type { SettingOverrides } from '../settings/client-settings.js';
import { checkChannels } from './channel-checks.js';
import { about, type Finding } from './finding.js';
import { checkMachine } from './machine-checks.js';
import { checkConfigFetch, checkServer } from './server-checks.js';

/**
 * Goes the way that the client goes, from the settings to the encrypted channel, and tells of each step why the node
 * would show as unavailable. Hands each finding to `say` as it comes; resolves to whether there was no fault.
 */
export const runDoctor = async (
  file: string | undefined,
  overrides: SettingOverrides,
  say: (finding: Finding) => void,
): Promise<boolean> => {
  let isWell = true;
  const tell = (findings: readonly Finding[]): void => {
    for (const finding of findings) {
      say(finding);
      isWell &&= finding.level !== 'fault';
    }
  };
  try {
    const loaded = loadSettings(file, overrides);
    tell([about('settings').ok(loaded.file)]);
    await examine(loaded, tell);
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    tell([about('settings').fault(thrown.message)]);
  }
  return isWell;
};

const examine = async (
  { settings }: LoadedSettings,
  tell: (findings: readonly Finding[]) => void,
): Promise<void> => {
  const name = await nodeNameOf(settings);
  const key = readClientKey(settings.clientKeyPath);
  tell(await checkMachine(settings, name));
  const server = await checkServer(settings);
  tell(server);
  if (server.some(({ subject, level }) => subject === 'Chef Server' && level === 'fault')) return;
  const curve = freshCurveKeyPair();
  const { finding, config } = await checkConfigFetch(settings, { name, key, curve });
  tell([finding]);
  if (config !== undefined) tell(await checkChannels(config, curve));
};
