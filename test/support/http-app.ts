import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AuthModule } from '../../src/server/auth/auth.module.js';
import { ConfigModule } from '../../src/server/config/config.module.js';
import { serverConfigSchema, type ServerConfig } from '../../src/server/config/server-config.js';
import { createHttpAdapter } from '../../src/server/http/http-adapter.js';
import { HTTP_LIMITS, type HttpLimits } from '../../src/server/http/limits.js';
import { setUpHttp } from '../../src/server/http/set-up-http.js';
import { type Clock, systemClock } from '../../src/shared/lib/clock.js';
import { createLogger } from '../../src/shared/platform/logger.js';
import type { DevChefServer } from '../dev-chef-server/dev-chef-server.js';

/** Parts of a small application for tests. */
export interface HttpAppOptions {
  readonly controllers: readonly Type[];
  readonly chef: Pick<DevChefServer, 'url' | 'superuserKey'>;
  readonly clock?: Clock;
  readonly limits?: Partial<HttpLimits>;
  readonly config?: Partial<Pick<ServerConfig, 'validate_client_node_name'>>;
  readonly chefServer?: Partial<ServerConfig['chef_server']>;
}

/** A listening application. */
export interface HttpApp {
  readonly url: string;
  /** Its log lines, parsed. */
  readonly log: Record<string, unknown>[];
  close(): Promise<void>;
}

/** Starts these controllers with the server's HTTP and auth modules, in the way the server starts. */
export const startHttpApp = async (options: HttpAppOptions): Promise<HttpApp> => {
  const log: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void log.push(JSON.parse(line) as Record<string, unknown>) };
  const config = serverConfigSchema.parse({
    server_name_advertised: '127.0.0.1',
    database: { host: '127.0.0.1' },
    secrets_file: '/nowhere/secrets.json',
    chef_server: { erchef_url: options.chef.url, root_url: options.chef.url, ...options.chefServer },
    ...options.config,
  });
  const secrets = {
    pushy_priv_key: 'not used',
    curve_secret_key: 'not used',
    session_seal_key: 'not used',
    superuser_key: options.chef.superuserKey ?? '',
  };
  @Module({
    imports: [
      ConfigModule.with(
        config,
        secrets,
        createLogger({ level: 'debug', destination }),
        options.clock ?? systemClock,
      ),
      AuthModule,
    ],
    controllers: [...options.controllers],
  })
  class TestModule {}

  const adapter = createHttpAdapter({ ...HTTP_LIMITS, ...options.limits });
  const app = await NestFactory.create<NestFastifyApplication>(TestModule, adapter, {
    logger: false,
    abortOnError: false,
    bodyParser: false,
  });
  await setUpHttp(app);
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), log, close: () => app.close() };
};
