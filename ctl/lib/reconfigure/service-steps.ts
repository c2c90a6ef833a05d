import { settingsOfStart } from '../../../src/server/config/reloadable-settings.js';
import type { ServerConfig } from '../../../src/server/config/server-config.js';
import { AppError } from '../../../src/shared/lib/app-error.js';
import { ensureFile, readIfThere } from '../files.js';
import { SERVICE } from '../paths.js';
import { serverSecretsOf } from '../secrets/server-secrets.js';
import type { ServiceDefinition } from '../services/supervisor.js';
import type { Installation } from '../installation.js';
import type { Step } from './step.js';
import { waitForServer } from './wait-for-server.js';

const READ_BY_OWNER_AND_GROUP = 0o640;
const READ_BY_OWNER = 0o600;

/** A server that runs jobs may take that long to stop. */
const RESTART_SECONDS = 45;

/** The server's configuration and its secrets, each for the service user only. */
export const configurationStep: Step = {
  name: 'server configuration',
  run: async (installation) => {
    const { product, context, secrets } = installation;
    if (!product.runsService) return [];
    const owner = await installation.owner();
    const config = `${JSON.stringify(product.serverConfig, null, 2)}\n`;
    const forServer = `${JSON.stringify(serverSecretsOf(context.paths, secrets), null, 2)}\n`;
    return [
      ...ensureFile(product.serverConfigFile, config, { mode: READ_BY_OWNER_AND_GROUP, owner }),
      ...ensureFile(product.serverConfig.secrets_file, forServer, { mode: READ_BY_OWNER, owner }),
    ];
  },
};

const definitionOf = async (installation: Installation): Promise<ServiceDefinition> => {
  const { product, context } = installation;
  const { installed, uid } = context.environment;
  const owner = await installation.owner();
  return {
    command: [installed.node, installed.server, '--config', product.serverConfigFile],
    userName: product.serviceUser,
    switchTo: owner.uid === uid ? undefined : owner,
    logs: product.folders.logs,
    logRotation: product.settings.opscode_pushy_server.log_rotation,
  };
};

/** The service's definition; on a machine that does not run it, its removal. */
export const serviceStep: Step = {
  name: 'service',
  run: async (installation) => {
    const { product, context, applied } = installation;
    if (!product.runsService) return context.supervisor().remove();
    const changes = await context.supervisor().install(await definitionOf(installation));
    // What runs under its name was started otherwise; it may be an old server.
    if (changes.length > 0) applied.setApplied(SERVICE, []);
    return changes;
  },
};

/** The certificates that the server trusts, which it reads once: a file that was renewed counts as a changed setting. */
const trustedCertificates = ({ chef_server, database }: ServerConfig): string[] =>
  [chef_server.ssl_ca_file, 'host' in database ? database.ssl_ca_file : undefined].map((file) =>
    file === undefined ? '' : (readIfThere(file) ?? ''),
  );

/** Under this name it is remembered with which settings the server runs, those too that it takes over while it runs. */
const SETTINGS = `${SERVICE} settings`;

/**
 * Sees that the server runs with what is configured now, and waits until it answers: restarts it, or has it read its
 * settings again where that is enough.
 */
export const startStep: Step = {
  name: 'server',
  run: async (installation) => {
    const { product, context, applied, secrets } = installation;
    if (!product.runsService) return [];
    const supervisor = context.supervisor();
    const { superuser_key, ...secretsOfStart } = serverSecretsOf(context.paths, secrets);
    const settings = [JSON.stringify(product.serverConfig), superuser_key];
    const texts = [
      JSON.stringify(settingsOfStart(product.serverConfig)),
      JSON.stringify(secretsOfStart),
      JSON.stringify(await definitionOf(installation)),
      context.environment.installed.version,
      ...trustedCertificates(product.serverConfig),
    ];
    const isRunning = (await supervisor.status()).code === 0;
    if (isRunning && applied.isApplied(SERVICE, texts)) {
      await waitForServer(installation);
      if (applied.isApplied(SETTINGS, settings)) return [];
      const told = await supervisor.act('hup');
      if (told.code !== 0) throw new AppError('service_hup', `the service could not be told: ${told.text}`);
      applied.setApplied(SETTINGS, settings);
      return [`had ${SERVICE} read its settings again; jobs and nodes went on`];
    }
    const { code, text } = await supervisor.act('restart', RESTART_SECONDS);
    if (code !== 0) throw new AppError('service_start', `the service could not be started: ${text}`);
    const does = await waitForServer(installation);
    applied.setApplied(SERVICE, texts);
    applied.setApplied(SETTINGS, settings);
    return [`${isRunning ? 'restarted' : 'started'} ${SERVICE}; ${does}`];
  },
};
