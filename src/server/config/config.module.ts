import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { Clock, systemClock } from '../../shared/lib/clock.js';
import { Leadership, alwaysLeader } from './leadership.port.js';
import { SERVER_CONFIG, type ServerConfig } from './server-config.js';
import { SERVER_SECRETS, type ServerSecrets } from './server-secrets.js';

/** Injection token of the program's logger; each feature makes a child of it with its own scope. */
export const LOGGER = Symbol('LOGGER');

/**
 * Provides the settings, the secrets, the logger, the leadership, the clock, and the registry of metrics that
 * `/pushy/metrics` shows.
 */
@Global()
@Module({})
export class ConfigModule {
  static with(
    config: ServerConfig,
    secrets: ServerSecrets,
    logger: Logger,
    clock: Clock = systemClock,
    leadership: Leadership = alwaysLeader,
  ): DynamicModule {
    const providers = [
      { provide: SERVER_CONFIG, useValue: config },
      { provide: SERVER_SECRETS, useValue: secrets },
      { provide: LOGGER, useValue: logger },
      { provide: Leadership, useValue: leadership },
      { provide: Clock, useValue: clock },
      { provide: Registry, useValue: new Registry() },
    ];
    return { module: ConfigModule, providers, exports: providers };
  }
}
