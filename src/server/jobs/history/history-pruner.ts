import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { CHEF_DIRECTORY, type ChefDirectory } from '../../auth/chef-directory.port.js';
import { CLOCK, LOGGER } from '../../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../../config/server-config.js';
import { messageOf } from '../../../shared/lib/app-error.js';
import type { Clock } from '../../../shared/lib/clock.js';
import { setLongTimer, type Timer } from '../../../shared/lib/timer.js';
import { HISTORY_STORE, type HistoryStore, type Retention } from './history-store.port.js';

const HOUR_MS = 3_600_000;

/** A request is remembered by its `Idempotency-Key` for so long; who repeats it later starts another job. */
const REQUESTS_MS = 24 * HOUR_MS;

/** Forgets old jobs, where the settings say so, and old requests: at the start and every hour. */
@Injectable()
export class HistoryPruner implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger: Logger;
  private timer: Timer | undefined;
  private running: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    @Inject(HISTORY_STORE) private readonly store: HistoryStore,
    @Inject(CHEF_DIRECTORY) private readonly directory: ChefDirectory,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ scope: 'history' });
  }

  onApplicationBootstrap(): void {
    this.pruneAndGoOn();
  }

  async onApplicationShutdown(): Promise<void> {
    this.timer?.cancel();
    this.stopping.abort();
    await this.running;
  }

  private pruneAndGoOn(): void {
    this.timer = setLongTimer(HOUR_MS, () => this.pruneAndGoOn());
    this.running = this.prune().catch((thrown: unknown) =>
      this.logger.warn({ reason: messageOf(thrown) }, 'history was not pruned; trying again in an hour'),
    );
  }

  private async prune(): Promise<void> {
    const now = this.clock.now();
    const { signal } = this.stopping;
    await this.store.forgetRequests(now - REQUESTS_MS);
    const { organizations, ...general } = this.config.history_retention;
    const isOff = [general, ...Object.values(organizations)].every(keepsAll);
    const own = isOff ? undefined : await this.ownRetentions();
    if (own === undefined) return;
    for (const orgId of await this.store.organizations()) {
      if (signal.aborted) return;
      const retention = own.get(orgId) ?? general;
      const removed = keepsAll(retention) ? 0 : await this.store.prune(orgId, retention, now, signal);
      if (removed > 0) this.logger.info({ orgId, jobs: removed }, 'old jobs were removed');
    }
  }

  /**
   * What organizations keep that have a setting of their own, by guid. Undefined where the Chef Server does not say
   * whose it is: then nothing may be removed, it could be just what shall be kept. So too when the server stops.
   */
  private async ownRetentions(): Promise<ReadonlyMap<string, Retention> | undefined> {
    const own = new Map<string, Retention>();
    for (const [name, retention] of Object.entries(this.config.history_retention.organizations)) {
      if (this.stopping.signal.aborted) return undefined;
      const orgId = await this.directory.orgId(name);
      if (orgId.ok) own.set(orgId.value, retention);
      else if (orgId.error.kind === 'unavailable') {
        this.logger.warn({ org: name, reason: orgId.error.reason }, 'history was not pruned');
        return undefined;
      }
    }
    return own;
  }
}

const keepsAll = ({ days, jobs }: Retention): boolean => days === undefined && jobs === undefined;
