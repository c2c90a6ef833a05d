import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { CLOCK, LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { messageOf } from '../../shared/lib/app-error.js';
import type { Clock } from '../../shared/lib/clock.js';
import { LIVE_JOBS, type JobObserver, type LiveJobs } from '../jobs/jobs.port.js';
import { ORG_EVENT_STORE, type OrgEventStore } from '../jobs/org-event-store.port.js';
import { BATCH_WRITER, type BatchWriter } from '../persistence/batch-writer.port.js';
import type { JobEvent } from '../../shared/protocol/feed-event.js';
import { type OrgEvent, OrgFeed, type OrgReading } from './org-feed.js';

/** How often what is not remembered any more is removed from the database, in milliseconds. */
const PRUNE_EVERY_MS = 600_000;

/** The feeds of all organizations; ids go on where they were before a restart. */
@Injectable()
export class OrgFeeds implements JobObserver {
  private readonly feeds = new Map<string, OrgFeed>();
  private readonly logger: Logger;
  private pruning: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    @Inject(ORG_EVENT_STORE) private readonly store: OrgEventStore,
    @Inject(BATCH_WRITER) private readonly writer: BatchWriter,
    @Inject(LIVE_JOBS) private readonly jobs: LiveJobs,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ scope: 'feeds' });
  }

  /** Loads what is remembered and begins to listen to the jobs. */
  async start(): Promise<void> {
    await this.store.prune(this.clock.now() - this.expirationMs);
    const earlier = new Map<string, OrgEvent[]>();
    for (const { orgId, seq, at, event } of await this.store.load()) {
      const events = earlier.get(orgId) ?? [];
      earlier.set(orgId, events);
      events.push({ seq, at, ...event });
    }
    for (const [orgId, events] of earlier) this.feeds.set(orgId, this.newFeed(orgId, events));
    this.jobs.observe(this);
    this.pruning = setInterval(() => void this.prune(), PRUNE_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.pruning);
  }

  jobEvent(orgId: string, jobId: string, event: JobEvent, atMicros: number): void {
    this.feedOf(orgId).append(jobId, event, atMicros);
  }

  /** Reads an organization's feed, after `lastEventId` where that is given. */
  read(orgId: string, lastEventId: string | undefined): OrgReading {
    return this.feedOf(orgId).read(lastEventId, this.clock.now());
  }

  private async prune(): Promise<void> {
    try {
      await this.store.prune(this.clock.now() - this.expirationMs);
    } catch (thrown) {
      this.logger.warn(
        { reason: messageOf(thrown) },
        'old events could not be removed; the next try will do it',
      );
    }
  }

  private get expirationMs(): number {
    return this.config.org_feed_expiration * 1000;
  }

  private feedOf(orgId: string): OrgFeed {
    const known = this.feeds.get(orgId);
    if (known !== undefined) return known;
    const feed = this.newFeed(orgId, []);
    this.feeds.set(orgId, feed);
    return feed;
  }

  private newFeed(orgId: string, earlier: readonly OrgEvent[]): OrgFeed {
    const store = async (batch: readonly OrgEvent[]): Promise<void> => {
      for (const { seq, at, ...event } of batch) this.store.add(orgId, seq, at, event);
      await this.writer.flushed();
    };
    const onFault = (thrown: unknown): void =>
      this.logger.error({ orgId, err: thrown }, 'an event was not stored');
    return new OrgFeed(store, onFault, () => this.expirationMs, earlier);
  }
}
