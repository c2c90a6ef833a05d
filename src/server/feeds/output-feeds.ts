import { Injectable } from '@nestjs/common';
import { LiveJobs, type NodeOutput, type OutputWatcher } from '../jobs/jobs.port.js';
import { Clock } from '../../shared/lib/clock.js';
import { setLongTimer, type Timer } from '../../shared/lib/timer.js';
import { formatSse, toFeedData } from '../../shared/protocol/feed-event.js';
import { OUTPUT_EVENT } from '../../shared/protocol/output-event.js';
import { type OutputCursor, OutputWindow } from './output-window.js';

/**
 * Nodes still send output this long after the last reader has left: a disconnected reader may come back, and readers
 * cannot make nodes start and stop sending all the time.
 */
const LINGER_MS = 2_000;

/** The output that one reader gets. The reader must unsubscribe. */
export interface OutputSubscription {
  readonly cursor: OutputCursor;
  unsubscribe(): void;
}

/** The live output of one job; exists while it has readers, and `LINGER_MS` longer. */
class OutputFeed implements OutputWatcher {
  readonly window = new OutputWindow();
  readers = 0;
  stopWatching: (() => void) | undefined;
  lingerTimer: Timer | undefined;

  constructor(private readonly clock: Clock) {}

  output({ node, stream, chunk, data, skipped, afterEvent }: NodeOutput): void {
    const event = toFeedData(this.clock.now() * 1000, { node, stream, chunk, skipped, data });
    this.window.add(formatSse({ name: OUTPUT_EVENT.output, data: event }), afterEvent);
  }
}

/** The live output of jobs. Nodes are asked to send it only while somebody reads it. */
@Injectable()
export class OutputFeeds {
  private readonly feeds = new Map<string, OutputFeed>();

  constructor(
    private readonly jobs: LiveJobs,
    private readonly clock: Clock,
  ) {}

  /** Subscribes to the output of a live job; undefined if no output can come. */
  subscribe(orgId: string, jobId: string): OutputSubscription | undefined {
    const key = `${orgId}/${jobId}`;
    const feed = this.feeds.get(key) ?? new OutputFeed(this.clock);
    feed.readers++;
    feed.lingerTimer?.cancel();
    feed.stopWatching ??= this.jobs.watchOutput(orgId, jobId, feed);
    if (feed.stopWatching === undefined) return undefined;
    this.feeds.set(key, feed);
    return { cursor: feed.window.openCursor(), unsubscribe: () => this.unsubscribe(key, feed) };
  }

  /** Cancels all timers. */
  close(): void {
    for (const { lingerTimer } of this.feeds.values()) lingerTimer?.cancel();
  }

  private unsubscribe(key: string, feed: OutputFeed): void {
    feed.readers--;
    if (feed.readers > 0) return;
    feed.lingerTimer = setLongTimer(LINGER_MS, () => {
      this.feeds.delete(key);
      feed.stopWatching?.();
    });
  }
}
