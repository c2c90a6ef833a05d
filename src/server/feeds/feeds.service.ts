import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { Clock } from '../../shared/lib/clock.js';
import { JobLookup, LiveJobs } from '../jobs/jobs.port.js';
import { formatSse, toFeedData, toFeedEvent } from '../../shared/protocol/feed-event.js';
import { OUTPUT_EVENT } from '../../shared/protocol/output-event.js';
import { OrgFeeds } from './org-feeds.js';
import { OutputFeeds } from './output-feeds.js';
import { SseStream } from './sse-stream.js';

/** Opens feeds for readers, and closes all of them when the server stops. */
@Injectable()
export class FeedsService {
  private readonly open = new Set<SseStream>();
  private closed = false;

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    private readonly liveJobs: LiveJobs,
    private readonly jobs: JobLookup,
    private readonly orgFeeds: OrgFeeds,
    private readonly outputFeeds: OutputFeeds,
    private readonly clock: Clock,
  ) {}

  private get keepAliveMs(): number {
    return this.config.keep_alive_time * 1000;
  }

  /**
   * Opens the feed of a live job, with live output if requested. Returns only a summary of a job that has been evicted from
   * memory, and undefined if the job does not exist.
   */
  async openJobFeed(
    orgId: string,
    jobId: string,
    lastEventId: string | undefined,
    withOutput: boolean,
  ): Promise<Readable | string | undefined> {
    const cursor = this.liveJobs.follow(orgId, jobId, lastEventId);
    if (cursor !== undefined) {
      if (!withOutput) return this.register(new SseStream(cursor, this.keepAliveMs));
      const open = { name: OUTPUT_EVENT.open, data: toFeedData(this.clock.now() * 1000, {}) };
      const output = this.outputFeeds.subscribe(orgId, jobId);
      return this.register(new SseStream(cursor, this.keepAliveMs, open, output));
    }
    const job = await this.jobs.find(orgId, jobId, false);
    if (job === undefined) return undefined;
    return formatSse(toFeedEvent('job-1', 'summary', this.clock.now() * 1000, job));
  }

  /** Opens the feed of an organization; it never ends. */
  openOrgFeed(orgId: string, lastEventId: string | undefined): Readable {
    const { cursor, first } = this.orgFeeds.subscribe(orgId, lastEventId);
    return this.register(new SseStream(cursor, this.keepAliveMs, first));
  }

  /** Ends all open feeds, and those that are opened later. */
  close(): void {
    this.closed = true;
    for (const stream of this.open) stream.finish();
    this.outputFeeds.close();
  }

  private register(stream: SseStream): Readable {
    this.open.add(stream);
    if (this.closed) stream.finish();
    stream.once('close', () => this.open.delete(stream));
    return stream;
  }
}
