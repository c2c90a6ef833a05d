#!/usr/bin/env node
import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { destination, type Logger } from 'pino';
import { AppError, messageOf } from '../lib/app-error.js';
import { systemClock } from '../lib/clock.js';
import { SignedHttp } from '../platform/http/signed-http.js';
import { createLogger } from '../platform/logger.js';
import { freshCurveKeyPair } from '../platform/zmq/command-dealer.js';
import { Agent } from './agent.js';
import { HELP, parseCommandLine } from './command-line.js';
import { EXIT_CODE } from './exit-code.js';
import { sweepJobFiles } from './job/job-file.js';
import { JobRunner } from './job/job-runner.js';
import { runTool } from './job/run-tool.js';
import { fetchConfig } from './server/config-fetch.js';
import { createServerHttp } from './server/server-http.js';
import {
  type ClientSettings,
  type LogLocation,
  readClientSettings,
  type SettingOverrides,
} from './settings/client-settings.js';
import { loadSettingsFile } from './settings/load-settings.js';
import { clientVersion } from './version.js';

const HOUR_MS = 3_600_000;

const readSettings = (file: string | undefined, overrides: SettingOverrides): ClientSettings => {
  const source = loadSettingsFile(file);
  if (!source.ok) throw source.error;
  const settings = readClientSettings(source.value, overrides);
  if (!settings.ok) throw settings.error;
  for (const [name, value] of source.value.environment) {
    if (value === null) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
  return settings.value;
};

const openLog = (location: LogLocation) => {
  if (location === 'STDOUT') return destination(1);
  return location === 'STDERR'
    ? destination(2)
    : destination({ dest: location.path, append: true, mkdir: true });
};

const readClientKey = (path: string): KeyObject => {
  try {
    return createPrivateKey(readFileSync(path));
  } catch (thrown) {
    throw new AppError('client_key', `cannot read the client key ${path}: ${messageOf(thrown)}`);
  }
};

/** The name that other machines know this one by, where the system knows it. */
const fullHostName = async (): Promise<string> => {
  const answer = await runTool('hostname', ['-f']);
  return (answer?.exitCode === 0 && answer.stdout.trim()) || hostname();
};

const createAgent = (settings: ClientSettings, nodeName: string, runner: JobRunner, log: Logger): Agent => {
  const clientKey = readClientKey(settings.clientKeyPath);
  const curve = freshCurveKeyPair();
  const signer = { userId: nodeName, key: clientKey, version: settings.signatureVersion };
  const http = new SignedHttp(createServerHttp(settings.tls, settings.proxy), signer, systemClock);
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
      version: clientVersion(),
    },
    curve,
    fetchConfig: (signal) => fetchConfig(http, clientKey, { ...request, signal }),
    runner,
    maxBodySize: settings.maxBodySize,
    killGraceMs: settings.killGraceMs,
    clock: systemClock,
    log,
  });
};

const sweepEachHour = (settings: ClientSettings, log: Logger): void => {
  const sweep = (): void => {
    sweepJobFiles(settings.fileDir, settings.fileDirExpiryMs, systemClock.now()).then(
      (removed) => removed > 0 && log.info({ removed }, 'old job files were removed'),
      (thrown: unknown) => log.warn({ err: thrown }, 'old job files could not be removed'),
    );
  };
  sweep();
  setInterval(sweep, HOUR_MS).unref();
};

const serve = async (file: string | undefined, overrides: SettingOverrides): Promise<void> => {
  const settings = readSettings(file, overrides);
  const logFile = openLog(settings.logLocation);
  const log = createLogger({ level: settings.logLevel, destination: logFile });
  const nodeName = settings.nodeName ?? (await fullHostName());
  const runner = new JobRunner(
    {
      nodeName,
      fileDir: settings.fileDir,
      allowedVariables: settings.allowedVariables,
      killGraceMs: settings.killGraceMs,
      keepBytes: settings.maxBodySize,
    },
    settings.whitelist,
  );
  const agent = createAgent(settings, nodeName, runner, log);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.on(signal, () => agent.stop());
  process.on('SIGUSR1', () => agent.refetchConfig());
  process.on('SIGHUP', () => {
    if (typeof settings.logLocation === 'object') logFile.reopen(); // its file may have been rotated
    try {
      runner.setWhitelist(readSettings(file, overrides).whitelist);
      log.info('the whitelist was read again');
    } catch (thrown) {
      log.error({ reason: messageOf(thrown) }, 'the whitelist stays as it was');
    }
  });
  sweepEachHour(settings, log);
  if (!settings.tls.verify) log.warn('ssl_verify_mode is verify_none: anybody can pose as the Chef Server');
  log.info(
    { node: nodeName, server: settings.serverUrl, version: clientVersion() },
    'push-jobs-client starts',
  );
  await agent.run();
  log.info('push-jobs-client ends');
};

const main = async (): Promise<number> => {
  const command = parseCommandLine(process.argv.slice(2));
  if (!command.ok) {
    process.stderr.write(`push-jobs-client: ${command.error.message}\nTry 'push-jobs-client --help'.\n`);
    return EXIT_CODE.USAGE;
  }
  if (command.value.kind === 'help') process.stdout.write(HELP);
  else if (command.value.kind === 'version') process.stdout.write(`push-jobs-client ${clientVersion()}\n`);
  else await serve(command.value.file, command.value.overrides);
  return EXIT_CODE.OK;
};

main().then(
  (code) => process.exit(code),
  (thrown: unknown) => {
    process.stderr.write(`push-jobs-client: ${messageOf(thrown)}\n`);
    process.exit(thrown instanceof AppError ? EXIT_CODE.CONFIGURATION : EXIT_CODE.INTERNAL);
  },
);
