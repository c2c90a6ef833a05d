import { type DynamicModule, Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { AuthModule } from './auth/auth.module.js';
import type { Leadership } from './config/leadership.port.js';
import { ConfigModule } from './config/config.module.js';
import type { ServerConfig } from './config/server-config.js';
import type { ServerSecrets } from './config/server-secrets.js';
import { FeedsModule } from './feeds/feeds.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { KeysModule } from './keys/keys.module.js';
import { systemClock } from '../shared/lib/clock.js';
import { NodesModule } from './nodes/nodes.module.js';
import { PersistenceModule } from './persistence/persistence.module.js';
import { StatusModule } from './status/status.module.js';
import { TransportModule } from './transport/transport.module.js';

/** The server: all features, each after those it builds on. */
@Module({})
export class AppModule {
  static with(
    config: ServerConfig,
    secrets: ServerSecrets,
    logger: Logger,
    leadership: Leadership,
  ): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(config, secrets, logger, systemClock, leadership),
        PersistenceModule,
        KeysModule,
        AuthModule,
        TransportModule,
        NodesModule,
        JobsModule,
        FeedsModule,
        StatusModule,
      ],
    };
  }
}
