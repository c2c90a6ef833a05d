import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import type { Clock } from '../../shared/lib/clock.js';
import { JOB_LOOKUP, type JobLookup, LIVE_JOBS, type LiveJobs } from '../jobs/jobs.port.js';
import { formatSse, toFeedData, toFeedEvent } from '../../shared/protocol/feed-event.js';
import { OUTPUT_EVENT } from '../../shared/protocol/output-event.js';
import { OrgFeeds } from './org-feeds.js';
import { OutputFeeds } from './output-feeds.js';
import { SseStream } from './sse-stream.js';

/** Opens feeds for readers, and closes them all when the server stops. */
@Injectable()
export class FeedsService {
  private readonly open = new Set<SseStream>();
  private closed = false;

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    @Inject(LIVE_JOBS) private readonly liveJobs: LiveJobs,
    @Inject(JOB_LOOKUP) private readonly jobs: JobLookup,
    @Inject(OrgFeeds) private readonly orgFeeds: OrgFeeds,
    @Inject(OutputFeeds) private readonly outputFeeds: OutputFeeds,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  private get keepAliveMs(): number {
    return this.config.keep_alive_time * 1000;
  }

  /**
   * The feed of a job: live, with the output of its nodes where that is wanted, or its summary where it has left memory;
   * undefined where there is no such job.
   */
  async ofJob(
    orgId: string,
    jobId: string,
    lastEventId: string | undefined,
    wantsOutput: boolean,
  ): Promise<Readable | string | undefined> {
    const cursor = this.liveJobs.follow(orgId, jobId, lastEventId);
    if (cursor !== undefined) {
      if (!wantsOutput) return this.keep(new SseStream(cursor, this.keepAliveMs));
      const open = { name: OUTPUT_EVENT.open, data: toFeedData(this.clock.now() * 1000, {}) };
      const output = this.outputFeeds.read(orgId, jobId);
      return this.keep(new SseStream(cursor, this.keepAliveMs, open, output));
    }
    const job = await this.jobs.find(orgId, jobId, false);
    if (job === undefined) return undefined;
    return formatSse(toFeedEvent('job-1', 'summary', this.clock.now() * 1000, job));
  }

  /** The feed of an organization; it has no end. */
  ofOrg(orgId: string, lastEventId: string | undefined): Readable {
    const { cursor, first } = this.orgFeeds.read(orgId, lastEventId);
    return this.keep(new SseStream(cursor, this.keepAliveMs, first));
  }

  /** Ends all feeds, those that are opened from now on too. */
  close(): void {
    this.closed = true;
    for (const stream of this.open) stream.finish();
    this.outputFeeds.close();
  }

  private keep(stream: SseStream): Readable {
    this.open.add(stream);
    if (this.closed) stream.finish();
    stream.once('close', () => this.open.delete(stream));
    return stream;
  }
}
