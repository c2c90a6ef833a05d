import type { Logger } from 'pino';
import yargs from 'yargs';
import { type Activity, alwaysActive } from './config/leadership.port.js';
import { LiveValue } from './config/live-value.js';
import { loadServerConfig, loadServerSecrets } from './config/load-config.js';
import type { ServerConfig } from './config/server-config.js';
import type { ServerSecrets } from './config/server-secrets.js';
import { SettingsReload } from './config/settings-reload.js';
import { AppError, messageOf } from '../shared/lib/app-error.js';
import { ActiveLease } from './persistence/active-lease.js';
import { connectionOf } from './persistence/connection-options.js';
import { createLogger } from '../shared/platform/logger.js';
import { type RunningServer, startServer } from './start-server.js';

/** A server that has not stopped by then is ended hard. */
const STOP_WITHIN_MS = 30_000;

const DEFAULT_CONFIG = '/var/opt/opscode-push-jobs-server/etc/push-jobs-server.json';

/** A server that has lost its lease ends with this code: whoever supervises it starts it again, to stand by. */
const LEASE_LOST = 75;

/** With `ha` this waits until no other server is active on the database. */
const becomeActive = async (
  config: ServerConfig,
  secrets: ServerSecrets,
  logger: Logger,
): Promise<Activity> => {
  if (!config.ha) return alwaysActive;
  if (!('host' in config.database)) {
    throw new AppError(
      'ha_embedded',
      'ha needs a PostgreSQL server (database.host): nobody shares the embedded one',
    );
  }
  return ActiveLease.acquire(connectionOf(config.database, secrets.sql_password), logger, (reason) => {
    logger.fatal({ reason }, 'this server is not the active one any more');
    process.exit(LEASE_LOST);
  });
};

const stopAtSignal = (server: RunningServer, logger: Logger): void => {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'push-jobs-server stops');
    setTimeout(() => {
      logger.error(`did not stop within ${STOP_WITHIN_MS} ms`);
      process.exit(1);
    }, STOP_WITHIN_MS).unref();
    server.stop().then(
      () => process.exit(0),
      (thrown: unknown) => {
        logger.error({ err: thrown }, 'the stop went wrong');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
};

const run = async (configFile: string): Promise<void> => {
  const config = new LiveValue(loadServerConfig(configFile));
  const logger = createLogger({ level: config.view.log_level });
  // Without handlers Node.js opens its debugger at USR1, to everybody on this machine, and ends at USR2.
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => logger.info({ signal }, 'got a signal that has no meaning here'));
  }
  const secrets = new LiveValue(loadServerSecrets(config.view.secrets_file));
  const settings = new SettingsReload({ configFile, config, secrets, logger });
  process.on('SIGHUP', () => settings.reload());
  const activity = await becomeActive(config.view, secrets.view, logger);
  const server = await startServer(config.view, secrets.view, logger, activity);
  const { listen, api_port } = config.view;
  logger.info({ api: `${listen}:${api_port}`, pid: process.pid }, 'push-jobs-server is up');
  stopAtSignal(server, logger);
};

/** Runs the server with these arguments; where it cannot start, its reason goes to standard error and it ends. */
export const runServer = async (args: readonly string[]): Promise<void> => {
  const { config } = await yargs([...args])
    .scriptName('push-jobs-server')
    .usage(
      '$0 [--config FILE]\n\nRuns the Push Jobs server. HUP reads its settings again, TERM and INT stop it.',
    )
    .option('config', {
      alias: 'c',
      type: 'string',
      default: DEFAULT_CONFIG,
      describe: 'configuration file, JSON',
    })
    .strict()
    .parseAsync();

  run(config).catch((thrown: unknown) => {
    const known = thrown instanceof AppError;
    process.stderr.write(`push-jobs-server: ${messageOf(thrown)}\n`);
    if (!known && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ''}\n`);
    process.exit(1);
  });
};
