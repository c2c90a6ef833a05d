import { subscribe } from 'node:diagnostics_channel';
import { MachineProbe } from '../machine-speed.js';
import type { Stage, Usage } from '../stage.js';
import { median, microsEach, ms, quantile } from '../statistics.js';
import { onStage } from './open-stage.js';
import { type LoadOptions, say } from './scenario.js';

/** The code of a server that has just started is compiled while it works: until then a job costs it twice as much. */
const WARM_UP_JOBS = 2_000;

/** After so many jobs the machine is measured. */
const JOBS_PER_SAMPLE = 20;

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

/** Seconds that each of the jobs took, and all CPU that they cost. */
interface Figures {
  readonly walls: number[];
  readonly signatures: number[];
  readonly usages: Usage[];
}

/** Runs jobs one after the other, and looks now and then how fast the machine is. */
const measureJobs = async (
  stage: Stage,
  watch: Watch,
  runs: number,
  probe: MachineProbe,
): Promise<Figures> => {
  const figures: Figures = { walls: [], signatures: [], usages: [] };
  for (let done = 0; done < runs; done += JOBS_PER_SAMPLE) {
    await probe.sample();
    const usage = await stage.measure(async () => {
      for (let run = done; run < Math.min(runs, done + JOBS_PER_SAMPLE); run++) {
        const start = performance.now();
        await watch(stage, nodeOf(stage, run));
        figures.walls.push((performance.now() - posted) / 1000);
        figures.signatures.push((posted - start) / 1000);
      }
    });
    figures.usages.push(usage);
  }
  return figures;
};

const nodeOf = (stage: Stage, run: number): string => stage.nodes[run % stage.nodes.length] ?? '';

const report = (name: string, { walls, signatures, usages }: Figures, probe: MachineProbe): void => {
  const runs = walls.length;
  const each = (program: 'server' | 'postgres' | 'chefServer'): string =>
    microsEach(
      usages.reduce((sum, usage) => sum + usage[program], 0),
      runs,
    );
  const { messages, commits } = probe.speed();
  say(
    `  by ${name}: median ${ms(median(walls))}, 95 % within ${ms(quantile(walls, 0.95))} of ${runs}, ` +
      `after ${ms(median(signatures))} for the signature`,
  );
  say(
    `    CPU for each job: server ${each('server')}, PostgreSQL ${each('postgres')}, Chef Server ${each('chefServer')}`,
  );
  say(
    `    the machine meanwhile: ${thousands(messages)} bare messages a second, ${Math.round(commits)} commits one by one`,
  );
};

const thousands = (count: number): string => `${Math.round(count / 1000)},000`;

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
      for (const [name, watch] of Object.entries(WATCHES)) {
        for (let run = 0; run < WARM_UP_JOBS; run++) await watch(stage, nodeOf(stage, run));
        const probe = await MachineProbe.open(stage.installation.databaseUrl);
        try {
          report(name, await measureJobs(stage, watch, runs, probe), probe);
        } finally {
          await probe.close();
        }
      }
    });
  }
};
