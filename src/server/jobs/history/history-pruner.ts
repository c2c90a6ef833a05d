import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { ChefDirectory } from '../../auth/chef-directory.port.js';
import { LOGGER } from '../../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../../config/server-config.js';
import { messageOf } from '../../../shared/lib/app-error.js';
import { Clock } from '../../../shared/lib/clock.js';
import { setLongTimer, type Timer } from '../../../shared/lib/timer.js';
import { HistoryStore, type Retention } from './history-store.port.js';

const HOUR_MS = 3_600_000;

/** A request that is repeated later than this starts another job. */
const IDEMPOTENCY_KEY_TTL_MS = 24 * HOUR_MS;

/**
 * Deletes jobs that exceed the job retention, and old idempotency keys: at the start and every hour. See
 * docs/spec/operations.md, "Job retention".
 */
@Injectable()
export class HistoryPruner implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger: Logger;
  private timer: Timer | undefined;
  private running: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    private readonly store: HistoryStore,
    private readonly directory: ChefDirectory,
    private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ scope: 'history' });
  }

  onApplicationBootstrap(): void {
    this.pruneAndScheduleNext();
  }

  async onApplicationShutdown(): Promise<void> {
    this.timer?.cancel();
    this.stopping.abort();
    await this.running;
  }

  private pruneAndScheduleNext(): void {
    this.timer = setLongTimer(HOUR_MS, () => this.pruneAndScheduleNext());
    this.running = this.prune().catch((thrown: unknown) =>
      this.logger.warn(
        { reason: messageOf(thrown) },
        'cannot delete old jobs; the next attempt is in an hour',
      ),
    );
  }

  private async prune(): Promise<void> {
    const now = this.clock.now();
    const { signal } = this.stopping;
    await this.store.deleteIdempotencyKeys(now - IDEMPOTENCY_KEY_TTL_MS);
    const { organizations, ...general } = this.config.history_retention;
    const keepsEverything = [general, ...Object.values(organizations)].every(keepsAll);
    const byOrganization = keepsEverything ? undefined : await this.organizationRetentions();
    if (byOrganization === undefined) return;
    for (const orgId of await this.store.organizations()) {
      if (signal.aborted) return;
      const retention = byOrganization.get(orgId) ?? general;
      const deleted = keepsAll(retention) ? 0 : await this.store.prune(orgId, retention, now, signal);
      if (deleted > 0) this.logger.info({ orgId, jobs: deleted }, 'deleted old jobs');
    }
  }

  /**
   * Returns the retentions of organizations with their own setting, by guid. Undefined if a guid cannot be looked up:
   * then nothing may be deleted, because that organization may keep it. Also undefined if the server stops.
   */
  private async organizationRetentions(): Promise<ReadonlyMap<string, Retention> | undefined> {
    const retentions = new Map<string, Retention>();
    for (const [name, retention] of Object.entries(this.config.history_retention.organizations)) {
      if (this.stopping.signal.aborted) return undefined;
      const orgId = await this.directory.orgId(name);
      if (orgId.ok) retentions.set(orgId.value, retention);
      else if (orgId.error.kind === 'unavailable') {
        this.logger.warn(
          { org: name, reason: orgId.error.reason },
          'cannot delete old jobs: an organization cannot be looked up',
        );
        return undefined;
      }
    }
    return retentions;
  }
}

const keepsAll = ({ days, jobs }: Retention): boolean => days === undefined && jobs === undefined;
