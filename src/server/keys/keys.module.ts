import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { CLOCK, LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { SERVER_SECRETS, type ServerSecrets } from '../config/server-secrets.js';
import type { Clock } from '../../shared/lib/clock.js';
import { DATABASE, type Database } from '../persistence/database.port.js';
import { SERVER_KEYS, SESSIONS } from './keys.port.js';
import { loadServerKeys } from './load-server-keys.js';
import { SessionRegistry } from './session-registry.js';
import { SessionSeal } from './session-seal.js';
import { SqlSessionStore } from './sql-session-store.js';

const startSessions = async (
  database: Database,
  config: ServerConfig,
  secrets: ServerSecrets,
  clock: Clock,
  logger: Logger,
): Promise<SessionRegistry> => {
  const sessions = new SessionRegistry({
    store: new SqlSessionStore(database),
    seal: await SessionSeal.of(secrets.session_seal_key),
    clock,
    logger: logger.child({ part: 'keys' }),
    config,
  });
  await sessions.start();
  return sessions;
};

/** Gives the server's own keys and the sessions with its nodes. */
@Module({
  providers: [
    {
      provide: SERVER_KEYS,
      useFactory: (secrets: ServerSecrets, clock: Clock) => loadServerKeys(secrets, clock.now()),
      inject: [SERVER_SECRETS, CLOCK],
    },
    {
      provide: SESSIONS,
      useFactory: startSessions,
      inject: [DATABASE, SERVER_CONFIG, SERVER_SECRETS, CLOCK, LOGGER],
    },
  ],
  exports: [SERVER_KEYS, SESSIONS],
})
export class KeysModule {}
