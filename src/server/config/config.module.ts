import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { type Clock, systemClock } from '../../shared/lib/clock.js';
import { ACTIVITY, type Activity, alwaysActive } from './leadership.port.js';
import { SERVER_CONFIG, type ServerConfig } from './server-config.js';
import { SERVER_SECRETS, type ServerSecrets } from './server-secrets.js';

/** Under this token the clock is injected. */
export const CLOCK = Symbol('CLOCK');

/** Under this token the program's logger is injected; each feature makes a child of it with its scope. */
export const LOGGER = Symbol('LOGGER');

/** Under this token the registry of metrics is injected: each feature adds its own, `/pushy/metrics` shows all. */
export const METRICS = Symbol('METRICS');

/** Hands the parsed settings, the secrets, the logger, the clock and whether we may act to every feature. */
@Global()
@Module({})
export class ConfigModule {
  static with(
    config: ServerConfig,
    secrets: ServerSecrets,
    logger: Logger,
    clock: Clock = systemClock,
    activity: Activity = alwaysActive,
  ): DynamicModule {
    const providers = [
      { provide: SERVER_CONFIG, useValue: config },
      { provide: SERVER_SECRETS, useValue: secrets },
      { provide: LOGGER, useValue: logger },
      { provide: ACTIVITY, useValue: activity },
      { provide: CLOCK, useValue: clock },
      { provide: METRICS, useValue: new Registry() },
    ];
    return { module: ConfigModule, providers, exports: providers };
  }
}
