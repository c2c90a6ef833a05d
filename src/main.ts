#!/usr/bin/env node
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { loadServerConfig, loadServerSecrets } from './config/load-config.js';
import { AppError, messageOf } from './lib/app-error.js';
import { createLogger } from './platform/logger.js';
import { startServer } from './start-server.js';

/** A server that has not stopped by then is ended hard. */
const STOP_WITHIN_MS = 30_000;

const DEFAULT_CONFIG = '/var/opt/opscode-push-jobs-server/etc/push-jobs-server.json';

const run = async (configFile: string): Promise<void> => {
  const config = loadServerConfig(configFile);
  const logger = createLogger({ level: config.log_level });
  const server = await startServer(config, loadServerSecrets(config.secrets_file), logger);
  logger.info({ api: `${config.listen}:${config.api_port}`, pid: process.pid }, 'push-jobs-server is up');

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

const { config } = await yargs(hideBin(process.argv))
  .scriptName('push-jobs-server')
  .usage('$0 [--config FILE]\n\nRuns the Push Jobs server.')
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
