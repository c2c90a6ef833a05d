import type { Readable } from 'node:stream';
import { ORG } from '../installation.js';
import type { LoadEnvironment, Usage } from '../load-environment.js';
import { microsEach, ms } from '../statistics.js';
import { withEnvironment } from './with-environment.js';
import { type LoadOptions, print } from './scenario.js';

/** Long enough that all readers are connected before the first result. */
const COMMAND_MS = 3_000;

const EVENT_END = '\n\n';

/** Reads a feed to its end and returns the number of events. */
const countEvents = async (body: Readable): Promise<number> => {
  let events = 0;
  let rest = '';
  for await (const chunk of body.setEncoding('utf8') as AsyncIterable<string>) {
    const parts = (rest + chunk).split(EVENT_END);
    events += parts.length - 1;
    rest = parts.at(-1) ?? '';
  }
  return events;
};

const openFeed = async (environment: LoadEnvironment, jobId: string): Promise<Readable> => {
  const opened = await environment.http.open({
    method: 'GET',
    url: `${environment.installation.url}/organizations/${ORG}/pushy/job_status_feed/${jobId}`,
    headers: { Accept: 'text/event-stream' },
  });
  if (!opened.ok) throw new Error(opened.error.reason);
  return opened.value.body;
};

/** Cost of a job with readers of its feed. */
interface FeedCost {
  readonly usage: Usage;
  /** Number of events of each reader. */
  readonly events: readonly number[];
  /** Seconds from the end of the job to the last event of the last reader. */
  readonly delay: number;
  /** Growth of the server's memory while all readers were connected, in kB. */
  readonly memoryKb: number;
}

const measureReaders = async (environment: LoadEnvironment, readers: number): Promise<FeedCost> => {
  const { installation } = environment;
  let events: number[] = [];
  let delay = 0;
  let memoryKb = 0;
  const usage = await environment.measure(async () => {
    const id = await environment.startJob();
    const memoryBefore = installation.serverMemoryKb();
    const bodies = await Promise.all(Array.from({ length: readers }, () => openFeed(environment, id)));
    memoryKb = installation.serverMemoryKb() - memoryBefore;
    const counting = Promise.all(bodies.map(countEvents));
    await environment.orgFeed.waitForEndOf(id);
    const end = performance.now();
    events = await counting;
    delay = (performance.now() - end) / 1000;
  });
  return { usage, events, delay, memoryKb };
};

/** Many readers of one job's feed: their cost compared with the same job without readers. */
export const feeds = async ({ nodes, readers, heartbeatMs, profileFolder }: LoadOptions): Promise<void> => {
  for (const nodeCount of nodes) {
    const options = { nodeCount, heartbeatMs, profileFolder, commandMs: COMMAND_MS };
    await withEnvironment(options, async (environment) => {
      const alone = await environment.measure(() => environment.runJob());
      const { usage, events, delay, memoryKb } = await measureReaders(environment, readers);
      const eventCount = events.reduce((sum, count) => sum + count, 0);
      const received = new Set(events).size === 1 ? 'each got' : 'NOT ALL GOT THE SAME, up to';
      print(
        `  ${readers} readers: ${received} ${Math.max(...events)} events; all had the last ${ms(delay)} after the job's end`,
      );
      print(
        `  server CPU: ${ms(usage.server)}, without readers ${ms(alone.server)}; ` +
          `for each event and reader ${microsEach(usage.server - alone.server, eventCount)}`,
      );
      print(
        `  server memory for each reader: ${Math.round(memoryKb / readers)} kB; ` +
          `POST to complete: ${ms(usage.wall)}, without readers ${ms(alone.wall)}`,
      );
    });
  }
};
