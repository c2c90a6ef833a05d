import type { Logger } from 'pino';
import yargs from 'yargs';
import { type Leadership, SoleLeadership } from './config/leadership.port.js';
import { LiveValue } from './config/live-value.js';
import { loadServerConfig, loadServerSecrets } from './config/load-config.js';
import type { ServerConfig } from './config/server-config.js';
import type { ServerSecrets } from './config/server-secrets.js';
import { SettingsReloader } from './config/settings-reloader.js';
import { AppError, messageOf } from '../shared/lib/app-error.js';
import { LeadershipLease } from './persistence/leadership-lease.js';
import { connectionOf } from './persistence/connection-options.js';
import { createLogger } from '../shared/platform/logger.js';
import { exitOnUnhandledErrors } from '../shared/platform/unhandled-errors.js';
import { type RunningServer, startServer } from './start-server.js';

/** A server that has not stopped by then exits at once. */
const STOP_TIMEOUT_MS = 30_000;

const DEFAULT_CONFIG = '/var/opt/opscode-push-jobs-server/etc/push-jobs-server.json';

/** Exit code of a server that has lost the leadership. Its service supervisor restarts it, and it stands by. */
const LEADERSHIP_LOST = 75;

/** With `ha`, waits until no other server is the leader on the database. */
const becomeLeader = async (
  config: ServerConfig,
  secrets: ServerSecrets,
  logger: Logger,
): Promise<Leadership> => {
  const onLost = (reason: string): void => {
    logger.fatal({ reason }, 'this server is no longer the active one');
    process.exit(LEADERSHIP_LOST);
  };
  if (!config.ha) return new SoleLeadership(onLost);
  if (!('host' in config.database)) {
    throw new AppError(
      'ha_embedded',
      'ha needs a PostgreSQL server (database.host): servers cannot share an embedded database',
    );
  }
  return LeadershipLease.acquire(connectionOf(config.database, secrets.sql_password), logger, onLost);
};

const stopAtSignal = (server: RunningServer, logger: Logger): void => {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'push-jobs-server stops');
    setTimeout(() => {
      logger.error(`did not stop within ${STOP_TIMEOUT_MS} ms`);
      process.exit(1);
    }, STOP_TIMEOUT_MS).unref();
    server.stop().then(
      () => process.exit(0),
      (thrown: unknown) => {
        logger.error({ err: thrown }, 'failed to stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
};

const run = async (configFile: string): Promise<void> => {
  const config = new LiveValue(loadServerConfig(configFile));
  const logger = createLogger({ level: config.view.log_level });
  exitOnUnhandledErrors(logger);
  // Without handlers USR1 opens the debugger of Node.js to every user of this machine, and USR2 ends the process.
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => logger.info({ signal }, 'ignored a signal that has no effect'));
  }
  const secrets = new LiveValue(loadServerSecrets(config.view.secrets_file));
  const settings = new SettingsReloader({ configFile, config, secrets, logger });
  process.on('SIGHUP', () => settings.reload());
  const leadership = await becomeLeader(config.view, secrets.view, logger);
  const server = await startServer(config.view, secrets.view, logger, leadership);
  const { listen, api_port } = config.view;
  logger.info({ api: `${listen}:${api_port}`, pid: process.pid }, 'push-jobs-server is up');
  stopAtSignal(server, logger);
};

/** Runs the server with these arguments. If it cannot start, it prints the reason to standard error and exits with 1. */
export const runServer = async (args: readonly string[]): Promise<void> => {
  const { config } = await yargs([...args])
    .scriptName('push-jobs-server')
    .usage('$0 [--config FILE]\n\nRuns the Push Jobs server. HUP reloads its settings, TERM and INT stop it.')
    .option('config', {
      alias: 'c',
      type: 'string',
      default: DEFAULT_CONFIG,
      describe: 'configuration file, JSON',
    })
    .strict()
    .parseAsync();

  run(config).catch((thrown: unknown) => {
    const isExpected = thrown instanceof AppError;
    process.stderr.write(`push-jobs-server: ${messageOf(thrown)}\n`);
    if (!isExpected && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ''}\n`);
    process.exit(1);
  });
};
