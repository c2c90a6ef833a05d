import { restartOnlySettings } from '../../../src/server/config/reloadable-settings.js';
import type { ServerConfig } from '../../../src/server/config/server-config.js';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { ensureFile, readIfExists } from '../files.js';
import { SERVICE } from '../paths.js';
import { serverSecretsOf } from '../secrets/server-secrets.js';
import type { ServiceDefinition } from '../services/service-supervisor.js';
import type { Installation } from '../installation.js';
import type { Step } from './step.js';
import { waitForServer } from './wait-for-server.js';

const READ_BY_OWNER_AND_GROUP = 0o640;
const READ_BY_OWNER = 0o600;

/** A server that runs jobs may take this long to stop. */
const RESTART_TIMEOUT_SECONDS = 45;

/** Writes the server's configuration and its secrets, readable only by the service user. */
export const configurationStep: Step = {
  name: 'server configuration',
  run: async (installation) => {
    const { settings, context, secrets } = installation;
    if (!settings.runsService) return [];
    const owner = await installation.owner();
    const config = `${JSON.stringify(settings.serverConfig, null, 2)}\n`;
    const serverSecrets = `${JSON.stringify(serverSecretsOf(context.paths, secrets), null, 2)}\n`;
    return [
      ...(await ensureFile(settings.serverConfigFile, config, { mode: READ_BY_OWNER_AND_GROUP, owner })),
      ...(await ensureFile(settings.serverConfig.secrets_file, serverSecrets, {
        mode: READ_BY_OWNER,
        owner,
      })),
    ];
  },
};

const definitionOf = async (installation: Installation): Promise<ServiceDefinition> => {
  const { settings, context } = installation;
  const { installed, uid } = context.environment;
  const owner = await installation.owner();
  return {
    command: [installed.node, installed.server, '--config', settings.serverConfigFile],
    userName: settings.serviceUser,
    switchTo: owner.uid === uid ? undefined : owner,
    logs: settings.folders.logs,
    logRotation: settings.sections.opscode_pushy_server.log_rotation,
  };
};

/** Installs the service's definition; removes it on a machine that does not run the service. */
export const serviceStep: Step = {
  name: 'service',
  run: async (installation) => {
    const { settings, context, applied } = installation;
    if (!settings.runsService) return context.requireSupervisor().remove();
    const changes = await context.requireSupervisor().install(await definitionOf(installation));
    // The running process was started with another definition; it may be an old server.
    if (changes.length > 0) await applied.setApplied(SERVICE, []);
    return changes;
  },
};

/** The server reads its trusted certificates only at start, so a renewed file counts as a changed setting. */
const trustedCertificates = ({ chef_server, database }: ServerConfig): string[] =>
  [chef_server.ssl_ca_file, 'host' in database ? database.ssl_ca_file : undefined].map((file) =>
    file === undefined ? '' : (readIfExists(file) ?? ''),
  );

/** Key in the applied state for the settings that the server reloads while it runs. */
const SETTINGS_KEY = `${SERVICE} settings`;

/**
 * Ensures that the server runs with the current configuration, and waits until it responds. Restarts it, or makes it
 * reload its settings if that is enough.
 */
export const startStep: Step = {
  name: 'server',
  run: async (installation) => {
    const { settings, context, applied, secrets } = installation;
    if (!settings.runsService) return [];
    const supervisor = context.requireSupervisor();
    const { superuser_key, ...restartOnlySecrets } = serverSecretsOf(context.paths, secrets);
    const reloadable = [JSON.stringify(settings.serverConfig), superuser_key];
    const restartOnly = [
      JSON.stringify(restartOnlySettings(settings.serverConfig)),
      JSON.stringify(restartOnlySecrets),
      JSON.stringify(await definitionOf(installation)),
      context.environment.installed.version,
      ...trustedCertificates(settings.serverConfig),
    ];
    const isRunning = (await supervisor.status()).code === 0;
    if (isRunning && applied.isApplied(SERVICE, restartOnly)) {
      await waitForServer(installation);
      if (applied.isApplied(SETTINGS_KEY, reloadable)) return [];
      const hup = await supervisor.control('hup');
      if (hup.code !== 0) throw new AppError('service_hup', `cannot send HUP to the service: ${hup.text}`);
      await applied.setApplied(SETTINGS_KEY, reloadable);
      return [`made ${SERVICE} read its settings again; jobs and nodes went on`];
    }
    const { code, text } = await supervisor.control('restart', RESTART_TIMEOUT_SECONDS);
    if (code !== 0) throw new AppError('service_start', `cannot start the service: ${text}`);
    const state = await waitForServer(installation);
    await applied.setApplied(SERVICE, restartOnly);
    await applied.setApplied(SETTINGS_KEY, reloadable);
    return [`${isRunning ? 'restarted' : 'started'} ${SERVICE}; ${state}`];
  },
};
