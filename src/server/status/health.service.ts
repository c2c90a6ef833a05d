import { setTimeout as after } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CHEF_SERVER_HEALTH, type ChefServerHealth } from '../auth/chef-server-health.port.js';
import { BATCH_WRITER, type BatchWriter } from '../persistence/batch-writer.port.js';
import { DATABASE, type Database } from '../persistence/database.port.js';
import type { ServerHealth } from '../../shared/protocol/rest-schemas.js';

/** A database that has not answered by then counts as away, in milliseconds. */
const DATABASE_WITHIN_MS = 2_000;

/** An answer about the database is good for so many milliseconds: anybody may ask, and as often as they like. */
const GOOD_FOR_MS = 1_000;

/** Judges whether the server can do its work. */
@Injectable()
export class HealthService {
  private lookedAt = Number.NEGATIVE_INFINITY;
  private look: Promise<boolean> | undefined;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(BATCH_WRITER) private readonly writer: BatchWriter,
    @Inject(CHEF_SERVER_HEALTH) private readonly chefServer: ChefServerHealth,
  ) {}

  /** Whether it is ready, and if not, why: in fixed words, without addresses. */
  async health(): Promise<ServerHealth> {
    const reasons: string[] = [];
    if (!(await this.databaseAnswers())) reasons.push('database: no answer');
    const { mode, writes } = this.writer.state;
    if (this.writer.overloaded || mode === 'closed') reasons.push(`write queue: ${mode}, ${writes} wait`);
    const trouble = this.chefServer.trouble();
    if (trouble !== undefined) reasons.push(`Chef Server: ${trouble}`);
    return { live: true, ready: reasons.length === 0, reasons };
  }

  private databaseAnswers(): Promise<boolean> {
    const now = performance.now();
    if (this.look === undefined || now - this.lookedAt > GOOD_FOR_MS) {
      this.lookedAt = now;
      this.look = this.askDatabase();
    }
    return this.look;
  }

  private askDatabase(): Promise<boolean> {
    const answered = this.database.query('SELECT 1').then(
      () => true,
      () => false,
    );
    return Promise.race([answered, after(DATABASE_WITHIN_MS, false, { ref: false })]);
  }
}
