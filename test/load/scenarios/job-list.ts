import { forEachAtOnce } from '../for-each-at-once.js';
import { ORG } from '../installation.js';
import { median, ms, quantile } from '../statistics.js';
import { onStage } from './open-stage.js';
import { type LoadOptions, say } from './scenario.js';

const JOBS_AT_ONCE = 20;

/** The list of very many jobs, and how jobs go when so many are started at once. */
export const jobList = async ({
  nodes,
  jobs,
  runs,
  heartbeatMs,
  profileFolder,
}: LoadOptions): Promise<void> => {
  for (const nodeCount of nodes) {
    await onStage({ nodeCount, heartbeatMs, profileFolder }, async (stage) => {
      const numbers = Array.from({ length: jobs }, (_, index) => index);
      const filling = await stage.measure(() =>
        forEachAtOnce(JOBS_AT_ONCE, numbers, async (number) => {
          await stage.runJob([stage.nodes[number % nodeCount] ?? '']);
        }),
      );
      say(
        `  ${jobs} jobs of one node, ${JOBS_AT_ONCE} at a time: ${Math.round(jobs / filling.wall)} a second`,
      );
      const walls: number[] = [];
      let bytes = 0;
      const usage = await stage.measure(async () => {
        for (let run = 0; run < runs; run++) {
          const start = performance.now();
          const url = `${stage.installation.url}/organizations/${ORG}/pushy/jobs`;
          const answer = await stage.http.send({ method: 'GET', url });
          if (!answer.ok) throw new Error(answer.error.reason);
          bytes = answer.value.body.length;
          walls.push((performance.now() - start) / 1000);
        }
      });
      say(
        `  GET jobs (${jobs} jobs, ${bytes} bytes): median ${ms(median(walls))}, 95 % within ${ms(quantile(walls, 0.95))}; ` +
          `CPU for each: server ${ms(usage.server / runs)}, PostgreSQL ${ms(usage.postgres / runs)}`,
      );
    });
  }
};
