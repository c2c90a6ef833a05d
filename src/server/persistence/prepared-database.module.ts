import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { SERVER_SECRETS, type ServerSecrets } from '../config/server-secrets.js';
import { prepareDatabase, PreparedDatabase } from './prepare-database.js';

const prepare = async (
  { database }: ServerConfig,
  { sql_password }: ServerSecrets,
  logger: Logger,
): Promise<PreparedDatabase> => {
  const prepared = await prepareDatabase(database, sql_password);
  const { where } = prepared.connection.target;
  if (prepared.migrated.length > 0) {
    logger.info({ database: where, migrations: prepared.migrated }, 'migrated the database');
  }
  return prepared;
};

/** Prepares the database before anything connects to it. */
@Module({
  providers: [
    { provide: PreparedDatabase, useFactory: prepare, inject: [SERVER_CONFIG, SERVER_SECRETS, LOGGER] },
  ],
  exports: [PreparedDatabase],
})
export class PreparedDatabaseModule {}
