import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { ACTIVITY, type Activity } from '../config/leadership.port.js';
import { LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { messageOf } from '../../shared/lib/app-error.js';
import { BatchWriterModule } from './batch-writer.module.js';
import { dataSourceOptions } from './connection-options.js';
import { DATABASE, type Database } from './database.port.js';
import type { PreparedDatabase } from './prepare-database.js';
import { PREPARED_DATABASE, PreparedDatabaseModule } from './prepared-database.module.js';
import { TypeOrmDatabase } from './typeorm-database.js';

/** A database that cannot be reached ends the start at once, with the reason: whoever supervises us starts us again. */
const typeOrmOptions = (
  { connection, mostConnections }: PreparedDatabase,
  { db_pool_size }: ServerConfig,
  logger: Logger,
): TypeOrmModuleOptions => ({
  ...dataSourceOptions(connection, mostConnections ?? db_pool_size),
  poolErrorHandler: (thrown: unknown) =>
    logger.warn({ reason: messageOf(thrown) }, 'lost an idle connection to the database'),
  toRetry: () => false,
});

const makeDatabase = (
  dataSource: DataSource,
  { connection, keepsStatements }: PreparedDatabase,
  activity: Activity,
): Database => new TypeOrmDatabase(dataSource, connection.target, activity, keepsStatements);

/**
 * Gives the database, TypeORM's data source on it, and the batching writer. What is pushed to the writer up to Nest's
 * `onApplicationShutdown` of any feature is stored before the connections close.
 */
@Global()
@Module({
  imports: [
    PreparedDatabaseModule,
    TypeOrmModule.forRootAsync({
      imports: [PreparedDatabaseModule],
      inject: [PREPARED_DATABASE, SERVER_CONFIG, LOGGER],
      useFactory: typeOrmOptions,
    }),
    BatchWriterModule, // last, so that it is drained before TypeORM closes the connections
  ],
  providers: [
    { provide: DATABASE, useFactory: makeDatabase, inject: [DataSource, PREPARED_DATABASE, ACTIVITY] },
  ],
  exports: [DATABASE],
})
export class PersistenceModule implements OnApplicationShutdown {
  constructor(
    @Inject(PREPARED_DATABASE) private readonly prepared: PreparedDatabase,
    private readonly dataSource: DataSource,
  ) {}

  /** The embedded database ends after the connections to it, whether TypeORM has closed them already or not. */
  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    await this.prepared.close();
  }
}
