import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../config/config.module.js';
import { LIVE_JOBS, type LiveJobs, type NodeOutput, type OutputWatcher } from '../jobs/jobs.port.js';
import type { Clock } from '../../shared/lib/clock.js';
import { setLongTimer, type Timer } from '../../shared/lib/timer.js';
import { formatSse, toFeedData } from '../../shared/protocol/feed-event.js';
import { OUTPUT_EVENT } from '../../shared/protocol/output-event.js';
import { type OutputCursor, OutputWindow } from './output-window.js';

/**
 * How long output is still asked for after its last reader has left, in milliseconds: one that was cut off comes back,
 * and nobody can have nodes begin and end again and again.
 */
const LINGER_MS = 2_000;

/** What a reader of output holds; it says when it has left. */
export interface OutputReading {
  readonly cursor: OutputCursor;
  leave(): void;
}

/** The output of one job, as long as it has readers and a little longer. */
class OutputFeed implements OutputWatcher {
  readonly window = new OutputWindow();
  readers = 0;
  stop: (() => void) | undefined;
  lingering: Timer | undefined;

  constructor(private readonly clock: Clock) {}

  output({ node, stream, chunk, data, skipped, afterEvent }: NodeOutput): void {
    const event = toFeedData(this.clock.now() * 1000, { node, stream, chunk, skipped, data });
    this.window.add(formatSse({ name: OUTPUT_EVENT.output, data: event }), afterEvent);
  }
}

/** The output of jobs for those who read it with a job's feed; nodes are asked for it as long as somebody does. */
@Injectable()
export class OutputFeeds {
  private readonly feeds = new Map<string, OutputFeed>();

  constructor(
    @Inject(LIVE_JOBS) private readonly jobs: LiveJobs,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Reads the output of a job that goes on; undefined where there is none to come. */
  read(orgId: string, jobId: string): OutputReading | undefined {
    const key = `${orgId}/${jobId}`;
    const feed = this.feeds.get(key) ?? new OutputFeed(this.clock);
    feed.readers++;
    feed.lingering?.cancel();
    feed.stop ??= this.jobs.watchOutput(orgId, jobId, feed);
    if (feed.stop === undefined) return undefined;
    this.feeds.set(key, feed);
    return { cursor: feed.window.read(), leave: () => this.leave(key, feed) };
  }

  /** For the stop of the server. */
  close(): void {
    for (const { lingering } of this.feeds.values()) lingering?.cancel();
  }

  private leave(key: string, feed: OutputFeed): void {
    feed.readers--;
    if (feed.readers > 0) return;
    feed.lingering = setLongTimer(LINGER_MS, () => {
      this.feeds.delete(key);
      feed.stop?.();
    });
  }
}
