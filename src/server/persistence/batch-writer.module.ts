import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import { PostgresBatchWriter } from './batch-writer.js';
import { BatchWriter } from './batch-writer.port.js';
import { Database } from './database.port.js';

/** How long a server that stops keeps trying to store the queue, in milliseconds. */
const DRAIN_MS = 10_000;

const makeWriter = (database: Database, logger: Logger): BatchWriter =>
  new PostgresBatchWriter(database, logger.child({ part: 'persistence' }));

/**
 * Provides the batch writer and drains it at shutdown. Nest shuts global modules down after all others, the one imported
 * last first: so every feature has stopped before the drain, and the connections are still open.
 */
@Global()
@Module({
  providers: [{ provide: BatchWriter, useFactory: makeWriter, inject: [Database, LOGGER] }],
  exports: [BatchWriter],
})
export class BatchWriterModule implements OnApplicationShutdown {
  constructor(private readonly writer: BatchWriter) {}

  async onApplicationShutdown(): Promise<void> {
    await this.writer.drain(DRAIN_MS);
  }
}
