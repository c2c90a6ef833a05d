import type { Readable } from 'node:stream';
import { ORG } from '../installation.js';
import type { Stage } from '../stage.js';
import { microsEach, ms } from '../statistics.js';
import { onStage } from './open-stage.js';
import { type LoadOptions, say } from './scenario.js';

/** Commands run so long that all readers are there before the first result is. */
const COMMAND_MS = 3_000;

const EVENT_END = '\n\n';

/** Reads a feed to its end and hands back how many events came. */
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

const openFeed = async (stage: Stage, jobId: string): Promise<Readable> => {
  const answer = await stage.http.open({
    method: 'GET',
    url: `${stage.installation.url}/organizations/${ORG}/pushy/job_status_feed/${jobId}`,
    headers: { Accept: 'text/event-stream' },
  });
  if (!answer.ok) throw new Error(answer.error.reason);
  return answer.value.body;
};

/** Many readers of one job's feed: what telling them of it costs, beside the same job without readers. */
export const feeds = async ({ nodes, readers, heartbeatMs, profileFolder }: LoadOptions): Promise<void> => {
  for (const nodeCount of nodes) {
    await onStage({ nodeCount, heartbeatMs, profileFolder, commandMs: COMMAND_MS }, async (stage) => {
      const alone = await stage.measure(() => stage.runJob());
      let counts: number[] = [];
      let behind = 0;
      const usage = await stage.measure(async () => {
        const id = await stage.startJob();
        const bodies = await Promise.all(Array.from({ length: readers }, () => openFeed(stage, id)));
        const counting = Promise.all(bodies.map(countEvents));
        await stage.orgWatch.endOf(id);
        const end = performance.now();
        counts = await counting;
        behind = (performance.now() - end) / 1000;
      });
      const events = counts.reduce((sum, count) => sum + count, 0);
      const even = new Set(counts).size === 1 ? 'each got' : 'NOT ALL GOT THE SAME, up to';
      say(
        `  ${readers} readers: ${even} ${Math.max(...counts)} events; all had the last ${ms(behind)} after the job's end`,
      );
      say(
        `  server CPU: ${ms(usage.server)}, without readers ${ms(alone.server)}; ` +
          `for each event and reader ${microsEach(usage.server - alone.server, events)}`,
      );
    });
  }
};
