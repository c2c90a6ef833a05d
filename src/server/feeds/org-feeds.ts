import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { messageOf } from '../../shared/lib/app-error.js';
import { Clock } from '../../shared/lib/clock.js';
import { type JobObserver, LiveJobs } from '../jobs/jobs.port.js';
import { OrgEventStore } from '../jobs/org-event-store.port.js';
import { BatchWriter } from '../persistence/batch-writer.port.js';
import type { JobEvent } from '../../shared/protocol/feed-event.js';
import { type OrgEvent, OrgFeed, type OrgFeedSubscription } from './org-feed.js';

/** Interval between deletions of expired events. */
const PRUNE_INTERVAL_MS = 600_000;

/** The feeds of all organizations. Event ids continue after a restart. */
@Injectable()
export class OrgFeeds implements JobObserver {
  private readonly feeds = new Map<string, OrgFeed>();
  private readonly logger: Logger;
  private pruneTimer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    private readonly store: OrgEventStore,
    private readonly writer: BatchWriter,
    private readonly jobs: LiveJobs,
    private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ scope: 'feeds' });
  }

  /** Loads the stored events and begins to observe the jobs. */
  async start(): Promise<void> {
    await this.store.prune(this.clock.now() - this.expirationMs);
    const stored = new Map<string, OrgEvent[]>();
    for (const { orgId, seq, at, event } of await this.store.load()) {
      const events = stored.get(orgId) ?? [];
      stored.set(orgId, events);
      events.push({ seq, at, ...event });
    }
    for (const [orgId, events] of stored) this.feeds.set(orgId, this.createFeed(orgId, events));
    this.jobs.observe(this);
    this.pruneTimer = setInterval(() => void this.prune(), PRUNE_INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.pruneTimer);
  }

  jobEvent(orgId: string, jobId: string, event: JobEvent, atMicros: number): void {
    this.feedOf(orgId).append(jobId, event, atMicros);
  }

  /** Subscribes to an organization's feed, after `lastEventId` if given. */
  subscribe(orgId: string, lastEventId: string | undefined): OrgFeedSubscription {
    return this.feedOf(orgId).subscribe(lastEventId, this.clock.now());
  }

  private async prune(): Promise<void> {
    try {
      await this.store.prune(this.clock.now() - this.expirationMs);
    } catch (thrown) {
      this.logger.warn(
        { reason: messageOf(thrown) },
        'cannot delete expired events; trying again in ten minutes',
      );
    }
  }

  private get expirationMs(): number {
    return this.config.org_feed_expiration * 1000;
  }

  private feedOf(orgId: string): OrgFeed {
    const known = this.feeds.get(orgId);
    if (known !== undefined) return known;
    const feed = this.createFeed(orgId, []);
    this.feeds.set(orgId, feed);
    return feed;
  }

  private createFeed(orgId: string, stored: readonly OrgEvent[]): OrgFeed {
    const store = async (batch: readonly OrgEvent[]): Promise<void> => {
      for (const { seq, at, ...event } of batch) this.store.add(orgId, seq, at, event);
      await this.writer.flush();
    };
    const onFault = (thrown: unknown): void =>
      this.logger.error({ orgId, err: thrown }, 'an event of the organization feed was not stored');
    return new OrgFeed(store, onFault, () => this.expirationMs, stored);
  }
}
