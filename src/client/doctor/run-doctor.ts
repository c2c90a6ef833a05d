import { AppError } from '../../shared/lib/app-error.js';
import { freshCurveKeyPair } from '../../shared/platform/zmq/command-dealer.js';
import { type LoadedSettings, loadSettings, resolveNodeName, readClientKey } from '../client-setup.js';
import type { SettingOverrides } from '../settings/client-settings.js';
import { checkChannels } from './channel-checks.js';
import { about, type SubjectFinding } from './finding.js';
import { checkMachine } from './machine-checks.js';
import { checkConfigFetch, checkServer } from './server-checks.js';

/**
 * Checks each step of the client, from the settings to the encrypted channel, and explains why the node would be
 * unavailable. Calls `show` with each finding; resolves to true if there was no fault.
 */
export const runDoctor = async (
  file: string | undefined,
  overrides: SettingOverrides,
  show: (finding: SubjectFinding) => void,
): Promise<boolean> => {
  let hasFault = false;
  const report = (findings: readonly SubjectFinding[]): void => {
    for (const finding of findings) {
      show(finding);
      hasFault ||= finding.level === 'fault';
    }
  };
  try {
    const loaded = loadSettings(file, overrides);
    report([about('settings').ok(loaded.file)]);
    await runChecks(loaded, report);
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    report([about('settings').fault(thrown.message)]);
  }
  return !hasFault;
};

const runChecks = async (
  { settings }: LoadedSettings,
  report: (findings: readonly SubjectFinding[]) => void,
): Promise<void> => {
  const name = await resolveNodeName(settings);
  const key = readClientKey(settings.clientKeyPath);
  report(await checkMachine(settings, name));
  const serverFindings = await checkServer(settings);
  report(serverFindings);
  const isUnreachable = serverFindings.some(
    ({ subject, level }) => subject === 'Chef Server' && level === 'fault',
  );
  if (isUnreachable) return;
  const curve = freshCurveKeyPair();
  const { finding, config } = await checkConfigFetch(settings, { name, key, curve });
  report([finding]);
  if (config !== undefined) report(await checkChannels(config, curve));
};
