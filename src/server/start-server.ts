import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import { type Leadership, alwaysLeader } from './config/leadership.port.js';
import type { ServerConfig } from './config/server-config.js';
import type { ServerSecrets } from './config/server-secrets.js';
import { createHttpAdapter } from './http/http-adapter.js';
import { setUpHttp } from './http/set-up-http.js';
import { AppError, messageOf } from '../shared/lib/app-error.js';
import { NestLogger } from './nest-logger.js';
import { requireFreePorts } from './require-free-ports.js';

/** A server that is up. */
export interface RunningServer {
  /** Stops accepting jobs, ends the feeds, stores what is queued, and resolves when everything is closed. */
  stop(): Promise<void>;
}

/**
 * Starts the server. When this resolves, the database is migrated, the nodes' channels are open and the REST API
 * responds. Throws an AppError that names the setting at fault; nothing is left running then.
 */
export const startServer = async (
  config: ServerConfig,
  secrets: ServerSecrets,
  logger: Logger,
  leadership: Leadership = alwaysLeader,
): Promise<RunningServer> => {
  await requireFreePorts(config);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.with(config, secrets, logger, leadership),
    createHttpAdapter(),
    { logger: new NestLogger(logger), abortOnError: false, bodyParser: false },
  );
  try {
    await setUpHttp(app);
    await listen(app, config);
  } catch (thrown) {
    await app.close();
    throw thrown;
  }
  return { stop: () => app.close() };
};

const listen = async (app: NestFastifyApplication, { api_port, listen }: ServerConfig): Promise<void> => {
  try {
    await app.listen(api_port, listen);
  } catch (thrown) {
    throw new AppError(
      'api_port',
      `cannot listen on ${listen}:${api_port} (listen, api_port): ${messageOf(thrown)}`,
    );
  }
};
