import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { AppError, messageOf } from '../shared/lib/app-error.js';
import { systemClock } from '../shared/lib/clock.js';
import { type LogStream, openLogStream } from '../shared/platform/log-stream.js';
import { createLogger } from '../shared/platform/logger.js';
import { packageVersion } from '../shared/platform/package-version.js';
import { exitOnUnhandledErrors } from '../shared/platform/unhandled-errors.js';
import { type RunLock, acquireRunLock } from '../shared/platform/run-lock.js';
import { freshCurveKeyPair } from '../shared/platform/zmq/command-dealer.js';
import { Agent } from './agent.js';
import { loadSettings, resolveNodeName, readClientKey, statePath } from './client-setup.js';
import { endUnfinishedJobs } from './job/end-unfinished-jobs.js';
import { JobCgroups } from './job/job-cgroup.js';
import { sweepJobFiles } from './job/job-file.js';
import { JobJournal } from './job/job-journal.js';
import { KeptResults } from './job/kept-results.js';
import { JobRunner } from './job/job-runner.js';
import type { Whitelist } from './domain/whitelist.js';
import { fetchConfig } from './server/config-fetch.js';
import { ignoredCertificates, ServerHttp } from './server/server-http.js';
import type { ClientSettings, LogLocation, SettingOverrides } from './settings/client-settings.js';
import { FileEnvironment } from './settings/file-environment.js';
import { watchFile } from './settings/watch-file.js';

const HOUR_MS = 3_600_000;

/**
 * Runs the agent until a signal stops it. Rejects with an AppError if this machine or its settings prevent the start,
 * or if the settings do not allow this server.
 */
export const serve = async (file: string | undefined, overrides: SettingOverrides): Promise<void> => {
  const environment = new FileEnvironment(process.env);
  const { settings, file: settingsFile } = loadSettings(file, overrides, environment);
  const logFile = openLog(settings.logLocation);
  const log = createLogger({ level: settings.logLevel, destination: logFile });
  exitOnUnhandledErrors(log);
  const nodeName = await resolveNodeName(settings);
  await makeStateFolder(settings);
  const lock = await lockNode(settings, nodeName);
  const journal = await openJournal(settings, nodeName, log); // after the lock: another client may be writing to it
  const cgroups = JobCgroups.open(resolve(statePath(settings, nodeName, 'lock')), log);
  const runner = new JobRunner(
    { ...settings, nodeName, outputBytes: settings.maxBodySize },
    settings.whitelist,
    journal,
    cgroups,
    log,
  );
  const agent = createAgent(settings, nodeName, runner, journal, log);
  warnOfFaults(settings.whitelist, log);
  const rereadWhitelist = (): void => {
    try {
      const { whitelist } = loadSettings(file, overrides, environment).settings;
      runner.setWhitelist(whitelist);
      log.info('the whitelist was reread');
      warnOfFaults(whitelist, log);
    } catch (thrown) {
      log.error(
        { reason: messageOf(thrown) },
        'could not reread the whitelist; the previous one stays in use',
      );
    }
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.on(signal, () => agent.stop());
  process.on('SIGUSR1', () => agent.refetchConfig('signal USR1'));
  process.on('SIGHUP', () => {
    if (typeof settings.logLocation === 'object') logFile.reopen(); // after log rotation
    rereadWhitelist();
  });
  watchFile(settingsFile, rereadWhitelist);
  log.info(
    { node: nodeName, server: settings.serverUrl, version: packageVersion() },
    'push-jobs-client starts',
  );
  if (!settings.tls.verify)
    log.warn('ssl_verify_mode is verify_none: anybody can impersonate the Chef Server');
  await endUnfinishedJobs(journal, nodeName, settings.killGraceMs, log);
  sweepHourly(settings, cgroups, log);
  await agent.run();
  cgroups.sweep();
  await lock?.release();
  log.info('push-jobs-client ends');
};

const warnOfFaults = ({ patterns }: Whitelist, log: Logger): void => {
  for (const { fault } of patterns) if (fault !== undefined) log.warn(fault);
};

const openLog = (location: LogLocation): LogStream => {
  if (location === 'STDOUT') return openLogStream(1);
  return openLogStream(location === 'STDERR' ? 2 : location.path);
};

const openJournal = async (settings: ClientSettings, nodeName: string, log: Logger): Promise<JobJournal> => {
  try {
    return await JobJournal.open(statePath(settings, nodeName, 'json'), (thrown) =>
      log.error({ err: thrown }, 'could not write the job journal'),
    );
  } catch (thrown) {
    throw stateFolderError(settings, thrown);
  }
};

/** Creates the folder, so that only its owner can open it. */
const makeStateFolder = async (settings: ClientSettings): Promise<void> => {
  try {
    await mkdir(settings.stateDir, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw stateFolderError(settings, thrown);
  }
};

const stateFolderError = ({ stateDir }: ClientSettings, thrown: unknown): AppError =>
  new AppError('state_dir', `cannot use state_dir ${stateDir} for the job journal: ${messageOf(thrown)}`);

/** Prevents a second client of the same node, which would take messages of the server from the first one. */
const lockNode = async (settings: ClientSettings, nodeName: string): Promise<RunLock | undefined> => {
  const path = statePath(settings, nodeName, 'lock');
  const lock = await acquireRunLock(path);
  if (lock.ok) return lock.value;
  if (!lock.error.isHeld) return undefined; // the system has no flock program
  throw new AppError(
    'node_busy',
    `another push-jobs-client of node ${nodeName} runs on this machine: it holds ${path}`,
  );
};

const createAgent = (
  settings: ClientSettings,
  nodeName: string,
  runner: JobRunner,
  journal: JobJournal,
  log: Logger,
): Agent => {
  const clientKey = readClientKey(settings.clientKeyPath);
  const curve = freshCurveKeyPair();
  const signer = { userId: nodeName, key: clientKey, version: settings.signatureVersion };
  for (const sentence of ignoredCertificates(settings.tls)) log.warn(sentence); // throws at start if a path is wrong
  const http = new ServerHttp(settings, signer, systemClock);
  const request = {
    serverUrl: settings.serverUrl,
    nodeName,
    curvePublicKey: curve.publicKey,
    allowUnencrypted: settings.allowUnencrypted,
  };
  return new Agent({
    identity: {
      node: nodeName,
      org: settings.organization,
      host: hostname(),
      incarnationId: randomUUID(),
      version: packageVersion(),
    },
    curve,
    fetchConfig: (signal) => fetchConfig(http, clientKey, { ...request, signal }),
    runner,
    results: new KeptResults(journal, systemClock, log),
    startedJobs: journal.startedJobs,
    maxBodySize: settings.maxBodySize,
    killGraceMs: settings.killGraceMs,
    clock: systemClock,
    log,
  });
};

const sweepHourly = (settings: ClientSettings, cgroups: JobCgroups, log: Logger): void => {
  const sweep = (): void => {
    cgroups.sweep();
    sweepJobFiles(settings.fileDir, settings.fileDirExpiryMs, systemClock.now()).then(
      (removed) => removed > 0 && log.info({ removed }, 'removed old job files'),
      (thrown: unknown) => log.warn({ err: thrown }, 'could not remove old job files'),
    );
  };
  sweep();
  setInterval(sweep, HOUR_MS).unref();
};
