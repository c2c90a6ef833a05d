import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../../shared/lib/app-error.js';
import { takeRunLock } from '../../shared/platform/run-lock.js';
import { runTool } from '../../shared/platform/run-tool.js';
import { statePath } from '../client-setup.js';
import type { ClientSettings } from '../settings/client-settings.js';
import { about, type Finding } from './finding.js';

/** Checks what can be seen on this machine alone. */
export const checkMachine = async (settings: ClientSettings, nodeName: string): Promise<Finding[]> => [
  checkWhitelist(settings),
  checkKeyFile(settings.clientKeyPath),
  checkFolder('job files', 'file_dir', settings.fileDir),
  checkFolder('state', 'state_dir', settings.stateDir),
  ...(await checkTools()),
  await checkRunning(settings, nodeName),
];

const checkWhitelist = ({ whitelist }: ClientSettings): Finding => {
  const count = whitelist.exact.size + whitelist.patterns.length;
  const { ok, warning } = about('whitelist');
  return count === 0
    ? warning('it is empty: the node declines every job')
    : ok(`${count} ${count === 1 ? 'entry' : 'entries'}`);
};

const checkKeyFile = (path: string): Finding => {
  const { ok, warning } = about('key file');
  if (process.platform === 'win32') return ok(path);
  const { mode } = statSync(path);
  return (mode & 0o077) === 0
    ? ok(path)
    : warning(
        `others than its owner may use ${path}: whoever reads it can pose as this node; 'chmod 600 ${path}'`,
      );
};

const checkFolder = (subject: string, setting: string, path: string): Finding => {
  const { ok, fault } = about(subject);
  let there = path;
  while (!existsSync(there) && there !== dirname(there)) there = dirname(there); // it is made where it is missing
  try {
    if (!statSync(there).isDirectory())
      return fault(`${setting} ${path} cannot be: ${there} is not a folder`);
    accessSync(there, constants.W_OK | constants.X_OK);
    return ok(path);
  } catch (thrown) {
    return fault(`${setting} ${path} cannot be written: ${messageOf(thrown)}; all jobs will be declined`);
  }
};

const checkTools = async (): Promise<Finding[]> => {
  if (process.platform !== 'linux') return [];
  const missing: string[] = [];
  for (const tool of ['flock', 'setpriv']) {
    if ((await runTool(tool, ['--version'])) === undefined) missing.push(tool);
  }
  const text = `${missing.join(' and ')} of util-linux cannot be found: jobs with a lock are declined without flock, and other users' jobs lack their further groups without setpriv`;
  return missing.length === 0 ? [] : [about('programs').warning(text)];
};

const checkRunning = async (settings: ClientSettings, nodeName: string): Promise<Finding> => {
  const { ok, warning, fault } = about('client');
  if (!existsSync(settings.stateDir))
    return fault('it has never run here with this state_dir; start the service');
  const lock = await takeRunLock(statePath(settings, nodeName, 'lock'));
  if (lock.ok) {
    await lock.value.release();
    return fault(`no push-jobs-client of node ${nodeName} runs on this machine; start the service`);
  }
  return lock.error.isHeld ? ok('it runs') : warning(`it is not known whether it runs: ${lock.error.reason}`);
};
