import { forEachConcurrently } from '../for-each-concurrently.js';
import { ORG } from '../installation.js';
import { median, ms, quantile } from '../statistics.js';
import { withEnvironment } from './with-environment.js';
import { type LoadOptions, print } from './scenario.js';

const CONCURRENT_JOBS = 20;

/** The list of many jobs, and the rate of jobs that are started concurrently. */
export const jobList = async ({
  nodes,
  jobs,
  runs,
  heartbeatMs,
  profileFolder,
}: LoadOptions): Promise<void> => {
  for (const nodeCount of nodes) {
    await withEnvironment({ nodeCount, heartbeatMs, profileFolder }, async (environment) => {
      const numbers = Array.from({ length: jobs }, (_, index) => index);
      const filling = await environment.measure(() =>
        forEachConcurrently(CONCURRENT_JOBS, numbers, async (number) => {
          await environment.runJob([environment.nodes[number % nodeCount] ?? '']);
        }),
      );
      print(
        `  ${jobs} jobs of one node, ${CONCURRENT_JOBS} at a time: ${Math.round(jobs / filling.wall)} a second`,
      );
      const walls: number[] = [];
      let bytes = 0;
      const usage = await environment.measure(async () => {
        for (let run = 0; run < runs; run++) {
          const start = performance.now();
          const url = `${environment.installation.url}/organizations/${ORG}/pushy/jobs`;
          const response = await environment.http.send({ method: 'GET', url });
          if (!response.ok) throw new Error(response.error.reason);
          bytes = response.value.body.length;
          walls.push((performance.now() - start) / 1000);
        }
      });
      print(
        `  GET jobs (${jobs} jobs, ${bytes} bytes): median ${ms(median(walls))}, 95 % within ${ms(quantile(walls, 0.95))}; ` +
          `CPU for each: server ${ms(usage.server / runs)}, PostgreSQL ${ms(usage.postgres / runs)}`,
      );
    });
  }
};
