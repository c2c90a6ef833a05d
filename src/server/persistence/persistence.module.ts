import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { Leadership } from '../config/leadership.port.js';
import { LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { messageOf } from '../../shared/lib/app-error.js';
import { BatchWriterModule } from './batch-writer.module.js';
import { dataSourceOptions } from './connection-options.js';
import { Database } from './database.port.js';
import { PreparedDatabase } from './prepare-database.js';
import { PreparedDatabaseModule } from './prepared-database.module.js';
import { TypeOrmDatabase } from './typeorm-database.js';

/** Fails at once if the database cannot be reached: the service supervisor restarts the server. */
const typeOrmOptions = (
  { connection, maxConnections }: PreparedDatabase,
  { db_pool_size }: ServerConfig,
  logger: Logger,
): TypeOrmModuleOptions => ({
  ...dataSourceOptions(connection, maxConnections ?? db_pool_size),
  poolErrorHandler: (thrown: unknown) =>
    logger.warn({ reason: messageOf(thrown) }, 'lost an idle connection to the database'),
  toRetry: () => false,
});

/** No feature reads from the database before the statements of former servers have ended. */
const makeDatabase = async (
  dataSource: DataSource,
  { connection, supportsNamedStatements }: PreparedDatabase,
  leadership: Leadership,
): Promise<Database> => {
  const database = new TypeOrmDatabase(dataSource, connection.target, leadership, supportsNamedStatements);
  await database.ownership.takeOver();
  return database;
};

/**
 * Provides the database, TypeORM's data source, and the batch writer. Writes that features push up to their
 * `onApplicationShutdown` are stored before the connections close.
 */
@Global()
@Module({
  imports: [
    PreparedDatabaseModule,
    TypeOrmModule.forRootAsync({
      imports: [PreparedDatabaseModule],
      inject: [PreparedDatabase, SERVER_CONFIG, LOGGER],
      useFactory: typeOrmOptions,
    }),
    BatchWriterModule, // must be last: it drains before TypeORM closes the connections
  ],
  providers: [
    { provide: Database, useFactory: makeDatabase, inject: [DataSource, PreparedDatabase, Leadership] },
  ],
  exports: [Database],
})
export class PersistenceModule implements OnApplicationShutdown {
  constructor(
    private readonly prepared: PreparedDatabase,
    private readonly dataSource: DataSource,
  ) {}

  /** Closes the connections before the embedded database, if TypeORM has not closed them yet. */
  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    await this.prepared.close();
  }
}
