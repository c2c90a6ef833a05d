import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../../shared/lib/app-error.js';
import { acquireRunLock } from '../../shared/platform/run-lock.js';
import { runTool } from '../../shared/platform/run-tool.js';
import { statePath } from '../client-setup.js';
import type { ClientSettings } from '../settings/client-settings.js';
import { about, type SubjectFinding } from './finding.js';

/** Checks everything that needs no network. */
export const checkMachine = async (settings: ClientSettings, nodeName: string): Promise<SubjectFinding[]> => [
  checkWhitelist(settings),
  checkKeyFile(settings.clientKeyPath),
  checkFolder('job files', 'file_dir', settings.fileDir),
  checkFolder('state', 'state_dir', settings.stateDir),
  ...(await checkTools()),
  await checkRunning(settings, nodeName),
];

const checkWhitelist = ({ whitelist }: ClientSettings): SubjectFinding => {
  const count = whitelist.exact.size + whitelist.patterns.length;
  const { ok, warning } = about('whitelist');
  const fault = whitelist.patterns.find((pattern) => pattern.fault !== undefined)?.fault;
  if (fault !== undefined) return warning(fault);
  return count === 0
    ? warning('it is empty: the node declines every job')
    : ok(`${count} ${count === 1 ? 'entry' : 'entries'}`);
};

const checkKeyFile = (path: string): SubjectFinding => {
  const { ok, warning } = about('key file');
  if (process.platform === 'win32') return ok(path);
  const { mode } = statSync(path);
  return (mode & 0o077) === 0
    ? ok(path)
    : warning(`other users can access ${path} and impersonate this node; run 'chmod 600 ${path}'`);
};

const checkFolder = (subject: string, setting: string, path: string): SubjectFinding => {
  const { ok, fault } = about(subject);
  let existing = path;
  while (!existsSync(existing) && existing !== dirname(existing)) existing = dirname(existing); // the rest is created
  try {
    if (!statSync(existing).isDirectory())
      return fault(`${setting} ${path} is unusable: ${existing} is not a folder`);
    accessSync(existing, constants.W_OK | constants.X_OK);
    return ok(path);
  } catch (thrown) {
    return fault(`${setting} ${path} cannot be written: ${messageOf(thrown)}; the node will decline jobs`);
  }
};

const checkTools = async (): Promise<SubjectFinding[]> => {
  if (process.platform !== 'linux') return [];
  const missing: string[] = [];
  for (const tool of ['flock', 'setpriv']) {
    if ((await runTool(tool, ['--version'])) === undefined) missing.push(tool);
  }
  const text = `cannot find ${missing.join(' and ')} of util-linux: without flock, the node declines jobs with a lock; without setpriv, jobs with a user have only the first group of that user`;
  return missing.length === 0 ? [] : [about('programs').warning(text)];
};

const checkRunning = async (settings: ClientSettings, nodeName: string): Promise<SubjectFinding> => {
  const { ok, warning, fault } = about('client');
  if (!existsSync(settings.stateDir)) return fault('it has never run with this state_dir; start the service');
  const lock = await acquireRunLock(statePath(settings, nodeName, 'lock'));
  if (lock.ok) {
    await lock.value.release();
    return fault(`no push-jobs-client of node ${nodeName} runs on this machine; start the service`);
  }
  return lock.error.isHeld ? ok('it runs') : warning(`cannot find out whether it runs: ${lock.error.reason}`);
};
