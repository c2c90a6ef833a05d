import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { SERVER_SECRETS, type ServerSecrets } from '../config/server-secrets.js';
import { Clock } from '../../shared/lib/clock.js';
import { Database } from '../persistence/database.port.js';
import { ServerKeys, Sessions } from './keys.port.js';
import { loadServerKeys } from './load-server-keys.js';
import { SessionRegistry } from './session-registry.js';
import { SessionSeal } from './session-seal.js';
import { PostgresSessionStore } from './postgres-session-store.js';

const startSessions = async (
  database: Database,
  config: ServerConfig,
  secrets: ServerSecrets,
  clock: Clock,
  logger: Logger,
): Promise<SessionRegistry> => {
  const sessions = new SessionRegistry({
    store: new PostgresSessionStore(database),
    seal: await SessionSeal.create(secrets.session_seal_key),
    clock,
    logger: logger.child({ part: 'keys' }),
    config,
  });
  await sessions.start();
  return sessions;
};

/** Provides the server's keys and the sessions of its nodes. */
@Module({
  providers: [
    {
      provide: ServerKeys,
      useFactory: (secrets: ServerSecrets, clock: Clock) => loadServerKeys(secrets, clock.now()),
      inject: [SERVER_SECRETS, Clock],
    },
    {
      provide: Sessions,
      useFactory: startSessions,
      inject: [Database, SERVER_CONFIG, SERVER_SECRETS, Clock, LOGGER],
    },
  ],
  exports: [ServerKeys, Sessions],
})
export class KeysModule {}
