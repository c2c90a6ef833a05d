import { subscribe } from 'node:diagnostics_channel';
import { MachineProbe } from '../machine-speed.js';
import type { LoadEnvironment, Usage } from '../load-environment.js';
import { median, microsEach, ms, quantile } from '../statistics.js';
import { withEnvironment } from './with-environment.js';
import { type LoadOptions, print } from './scenario.js';

/** A server that has just started still compiles its code, which doubles the cost of a job. */
const WARM_UP_JOBS = 2_000;

/** Jobs between two measurements of the machine's speed. */
const JOBS_PER_SAMPLE = 20;

/** Runs a job on a node and waits for its end. */
type WaitForEnd = (environment: LoadEnvironment, node: string) => Promise<void>;

/** The ways to wait for the end of a job. */
const WAYS_TO_WAIT: Readonly<Record<string, WaitForEnd>> = {
  'the feed of the organization': async (environment, node) => {
    await environment.runJob([node]);
  },
  'the feed of the job': async (environment, node) => {
    for await (const event of environment.client.jobFeed(await environment.startJob([node]))) {
      if (event.name === 'job_complete') return;
    }
  },
  'polling without a pause': async (environment, node) => {
    const id = await environment.startJob([node]);
    for (;;) {
      const job = await environment.client.getJob(id);
      if (!job.ok) throw job.error;
      if (job.value.status === 'complete') return;
    }
  },
};

/** Time of performance.now() when the last POST was sent, after it had been signed. */
let postSentAt = NaN;

/** Diagnostics message of undici when it sends a request. */
interface SendHeaders {
  readonly request: { readonly method: string };
}

const recordPostTimes = (): void =>
  subscribe('undici:client:sendHeaders', (message) => {
    if ((message as SendHeaders).request.method === 'POST') postSentAt = performance.now();
  });

/** Seconds that each job and its signature took, and the CPU of all. */
interface Figures {
  readonly walls: number[];
  readonly signatures: number[];
  readonly usages: Usage[];
}

/** Runs jobs one after the other, and measures the speed of the machine in between. */
const measureJobs = async (
  environment: LoadEnvironment,
  runAndWait: WaitForEnd,
  runs: number,
  probe: MachineProbe,
): Promise<Figures> => {
  const figures: Figures = { walls: [], signatures: [], usages: [] };
  for (let done = 0; done < runs; done += JOBS_PER_SAMPLE) {
    await probe.sample();
    const usage = await environment.measure(async () => {
      for (let run = done; run < Math.min(runs, done + JOBS_PER_SAMPLE); run++) {
        const start = performance.now();
        await runAndWait(environment, nodeOf(environment, run));
        figures.walls.push((performance.now() - postSentAt) / 1000);
        figures.signatures.push((postSentAt - start) / 1000);
      }
    });
    figures.usages.push(usage);
  }
  return figures;
};

const nodeOf = (environment: LoadEnvironment, run: number): string =>
  environment.nodes[run % environment.nodes.length] ?? '';

const report = (name: string, { walls, signatures, usages }: Figures, probe: MachineProbe): void => {
  const runs = walls.length;
  const each = (program: 'server' | 'postgres' | 'chefServer'): string =>
    microsEach(
      usages.reduce((sum, usage) => sum + usage[program], 0),
      runs,
    );
  const { messages, commits } = probe.speed();
  print(
    `  by ${name}: median ${ms(median(walls))}, 95 % within ${ms(quantile(walls, 0.95))} of ${runs}, ` +
      `after ${ms(median(signatures))} for the signature`,
  );
  print(
    `    CPU for each job: server ${each('server')}, PostgreSQL ${each('postgres')}, Chef Server ${each('chefServer')}`,
  );
  print(
    `    the machine meanwhile: ${thousands(messages)} plain messages a second, ${Math.round(commits)} commits one by one`,
  );
};

const thousands = (count: number): string => `${Math.round(count / 1000)},000`;

/**
 * One job after the other, each on one of the nodes, from its POST until a reader knows that it has ended. The user's
 * signature takes a large part of the time and is reported separately.
 */
export const oneNodeJobs = async ({
  nodes,
  runs,
  heartbeatMs,
  profileFolder,
}: LoadOptions): Promise<void> => {
  recordPostTimes();
  for (const nodeCount of nodes) {
    await withEnvironment({ nodeCount, heartbeatMs, profileFolder }, async (environment) => {
      for (const [name, runAndWait] of Object.entries(WAYS_TO_WAIT)) {
        for (let run = 0; run < WARM_UP_JOBS; run++) await runAndWait(environment, nodeOf(environment, run));
        const probe = await MachineProbe.open(environment.installation.databaseUrl);
        try {
          report(name, await measureJobs(environment, runAndWait, runs, probe), probe);
        } finally {
          await probe.close();
        }
      }
    });
  }
};
