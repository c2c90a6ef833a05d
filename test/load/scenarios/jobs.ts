import type { LoadEnvironment, Usage } from '../load-environment.js';
import { median, microsEach, ms } from '../statistics.js';
import { type LoadOptions, print } from './scenario.js';
import { withEnvironment } from './with-environment.js';

/** Jobs before the measurement: they compile code and fill caches. */
const WARM_UP_JOBS = 3;

/** The cost of a node in a job on all nodes is compared with that in a job on this share of them. */
const FEW_NODES = 0.1;

const measureJobs = async (
  environment: LoadEnvironment,
  runs: number,
  nodes: readonly string[],
): Promise<Usage[]> => {
  const usages: Usage[] = [];
  for (let run = 0; run < runs; run++)
    usages.push(await environment.measure(() => environment.runJob(nodes)));
  return usages;
};

/** Median of the CPU seconds of a program. */
const medianOf = (usages: readonly Usage[], program: keyof Usage): number =>
  median(usages.map((usage) => usage[program]));

/** A job on all nodes, from its POST to its end; and the cost per node compared with a job on few nodes. */
export const jobs = async ({
  nodes,
  runs,
  heartbeatMs,
  profileFolder,
  rotated,
}: LoadOptions): Promise<void> => {
  for (const nodeCount of nodes) {
    await withEnvironment({ nodeCount, heartbeatMs, profileFolder, rotated }, async (environment) => {
      const few = environment.nodes.slice(0, Math.ceil(nodeCount * FEW_NODES));
      for (let run = 0; run < WARM_UP_JOBS; run++) await environment.runJob();
      const onAll = await measureJobs(environment, runs, environment.nodes);
      const onFew = await measureJobs(environment, runs, few);
      const walls = onAll.map(({ wall }) => wall);
      const each = (program: keyof Usage): string => microsEach(medianOf(onAll, program), nodeCount);
      const serverOfFew = medianOf(onFew, 'server') / few.length;
      const growth = medianOf(onAll, 'server') / nodeCount / serverOfFew;
      print(`  POST to complete: best ${ms(Math.min(...walls))}, median ${ms(median(walls))} of ${runs}`);
      print(
        `  CPU for each node of a job (median): server ${each('server')}, PostgreSQL ${each('postgres')}, nodes ${each('load')}`,
      );
      print(
        `  server CPU for each node of a job on ${few.length} nodes: ${microsEach(serverOfFew, 1)}; ` +
          `on ${nodeCount} nodes it is ${growth.toFixed(2)} times that`,
      );
    });
  }
};
