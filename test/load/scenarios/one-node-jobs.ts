import { subscribe } from 'node:diagnostics_channel';
import type { Stage } from '../stage.js';
import { median, microsEach, ms, quantile } from '../statistics.js';
import { onStage } from './open-stage.js';
import { type LoadOptions, say } from './scenario.js';

/** The code of a server that has just started is compiled while it works: until then a job costs it twice as much. */
const WARM_UP_JOBS = 2_000;

type Watch = (stage: Stage, node: string) => Promise<void>;

/** The ways in which somebody learns that a job has ended. */
const WATCHES: Readonly<Record<string, Watch>> = {
  'the feed of the organization': async (stage, node) => {
    await stage.runJob([node]);
  },
  'the feed of the job': async (stage, node) => {
    for await (const event of stage.client.jobFeed(await stage.startJob([node]))) {
      if (event.name === 'job_complete') return;
    }
  },
  'polling without a pause': async (stage, node) => {
    const id = await stage.startJob([node]);
    for (;;) {
      const job = await stage.client.getJob(id);
      if (!job.ok) throw job.error;
      if (job.value.status === 'complete') return;
    }
  },
};

/** When the last POST was signed and sent, by performance.now(). */
let posted = NaN;

/** What undici tells of a request that it sends now. */
interface Sending {
  readonly request: { readonly method: string };
}

const notePosts = (): void =>
  subscribe('undici:client:sendHeaders', (message) => {
    if ((message as Sending).request.method === 'POST') posted = performance.now();
  });

/**
 * One job after the other, each on one node of many: from POST until somebody who watches it knows of its end. The user's
 * signature, made before that, takes long beside the rest and is told apart.
 */
export const oneNodeJobs = async ({
  nodes,
  runs,
  heartbeatMs,
  profileFolder,
}: LoadOptions): Promise<void> => {
  notePosts();
  for (const nodeCount of nodes) {
    await onStage({ nodeCount, heartbeatMs, profileFolder }, async (stage) => {
      const nodeOf = (run: number): string => stage.nodes[run % nodeCount] ?? '';
      for (const [name, watch] of Object.entries(WATCHES)) {
        for (let run = 0; run < WARM_UP_JOBS; run++) await watch(stage, nodeOf(run));
        const walls: number[] = [];
        const signatures: number[] = [];
        const usage = await stage.measure(async () => {
          for (let run = 0; run < runs; run++) {
            const start = performance.now();
            await watch(stage, nodeOf(run));
            walls.push((performance.now() - posted) / 1000);
            signatures.push((posted - start) / 1000);
          }
        });
        say(
          `  by ${name}: median ${ms(median(walls))}, 95 % within ${ms(quantile(walls, 0.95))} of ${runs}, ` +
            `after ${ms(median(signatures))} for the signature`,
        );
        say(
          `    CPU for each job: server ${microsEach(usage.server, runs)}, PostgreSQL ${microsEach(usage.postgres, runs)}, ` +
            `Chef Server ${microsEach(usage.chefServer, runs)}`,
        );
      }
    });
  }
};
