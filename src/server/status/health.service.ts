import { setTimeout as after } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { ChefServerHealth } from '../auth/chef-directory.port.js';
import { BatchWriter } from '../persistence/batch-writer.port.js';
import { Database } from '../persistence/database.port.js';
import type { ServerHealth } from '../../shared/protocol/rest-schemas.js';

/** A database that does not respond within this time is unavailable, in milliseconds. */
const DATABASE_TIMEOUT_MS = 2_000;

/** How long the result is cached, in milliseconds, because anybody may request it as often as they like. */
const CACHE_MS = 1_000;

/** Checks whether the server is ready. */
@Injectable()
export class HealthService {
  private checkedAt = Number.NEGATIVE_INFINITY;
  private check: Promise<boolean> | undefined;

  constructor(
    private readonly database: Database,
    private readonly writer: BatchWriter,
    private readonly chefServer: ChefServerHealth,
  ) {}

  /** Returns whether the server is ready and why not; the reasons contain no addresses. */
  async health(): Promise<ServerHealth> {
    const reasons: string[] = [];
    if (!(await this.isDatabaseAvailable())) reasons.push('database: no answer');
    const { mode, writes } = this.writer.state;
    if (this.writer.overloaded || mode === 'closed') reasons.push(`write queue: ${mode}, ${writes} wait`);
    const reason = this.chefServer.unavailabilityReason();
    if (reason !== undefined) reasons.push(`Chef Server: ${reason}`);
    return { live: true, ready: reasons.length === 0, reasons };
  }

  private isDatabaseAvailable(): Promise<boolean> {
    const now = performance.now();
    if (this.check === undefined || now - this.checkedAt > CACHE_MS) {
      this.checkedAt = now;
      this.check = this.checkDatabase();
    }
    return this.check;
  }

  private checkDatabase(): Promise<boolean> {
    const hasReplied = this.database.query('SELECT 1').then(
      () => true,
      () => false,
    );
    return Promise.race([hasReplied, after(DATABASE_TIMEOUT_MS, false, { ref: false })]);
  }
}
