import {
  type BeforeApplicationShutdown,
  Global,
  Inject,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { messageOf } from '../lib/app-error.js';
import { PostgresBatchWriter } from './batch-writer.js';
import { BATCH_WRITER, type BatchWriter } from './batch-writer.port.js';
import { dataSourceOptions } from './connection-options.js';
import { DATABASE, type Database } from './database.port.js';
import type { PreparedDatabase } from './prepare-database.js';
import { PREPARED_DATABASE, PreparedDatabaseModule } from './prepared-database.module.js';
import { TypeOrmDatabase } from './typeorm-database.js';

/** How long a server that stops goes on trying to store what it holds. */
const DRAIN_MS = 10_000;

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

/**
 * Gives the database, TypeORM's data source on it, and the batching writer. What is pushed to the writer up to Nest's
 * `beforeApplicationShutdown` is stored before the connections close.
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
  ],
  providers: [
    {
      provide: DATABASE,
      useFactory: (dataSource: DataSource, { connection }: PreparedDatabase) =>
        new TypeOrmDatabase(dataSource, connection.target),
      inject: [DataSource, PREPARED_DATABASE],
    },
    {
      provide: BATCH_WRITER,
      useFactory: (database: Database, logger: Logger) =>
        new PostgresBatchWriter(database, logger.child({ part: 'persistence' })),
      inject: [DATABASE, LOGGER],
    },
  ],
  exports: [DATABASE, BATCH_WRITER],
})
export class PersistenceModule implements BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    @Inject(BATCH_WRITER) private readonly writer: BatchWriter,
    @Inject(PREPARED_DATABASE) private readonly prepared: PreparedDatabase,
    private readonly dataSource: DataSource,
  ) {}

  async beforeApplicationShutdown(): Promise<void> {
    await this.writer.drain(DRAIN_MS);
  }

  /** The embedded database goes last; whether TypeORM's own hook came first does not matter. */
  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    await this.prepared.close();
  }
}
