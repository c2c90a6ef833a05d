import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import { PostgresBatchWriter } from './batch-writer.js';
import { BATCH_WRITER, type BatchWriter } from './batch-writer.port.js';
import { DATABASE, type Database } from './database.port.js';

/** How long a server that stops goes on trying to store what it holds. */
const DRAIN_MS = 10_000;

const makeWriter = (database: Database, logger: Logger): BatchWriter =>
  new PostgresBatchWriter(database, logger.child({ part: 'persistence' }));

/**
 * Gives the batching writer, and drains it at shutdown. Nest shuts global modules down after all others, and of those
 * the one that was imported last comes first: so every feature has stopped by then, and the connections still stand.
 */
@Global()
@Module({
  providers: [{ provide: BATCH_WRITER, useFactory: makeWriter, inject: [DATABASE, LOGGER] }],
  exports: [BATCH_WRITER],
})
export class BatchWriterModule implements OnApplicationShutdown {
  constructor(@Inject(BATCH_WRITER) private readonly writer: BatchWriter) {}

  async onApplicationShutdown(): Promise<void> {
    await this.writer.drain(DRAIN_MS);
  }
}
