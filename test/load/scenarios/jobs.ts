import type { Usage } from '../stage.js';
import { median, microsEach, ms } from '../statistics.js';
import { onStage } from './open-stage.js';
import { type LoadOptions, say } from './scenario.js';

/** Jobs that are not measured: code is compiled and caches are filled by them. */
const WARM_UP_JOBS = 3;

/** A job on all nodes, from POST to its end. */
export const jobs = async ({
  nodes,
  runs,
  heartbeatMs,
  profileFolder,
  rotated,
}: LoadOptions): Promise<void> => {
  for (const nodeCount of nodes) {
    await onStage({ nodeCount, heartbeatMs, profileFolder, rotated }, async (stage) => {
      for (let run = 0; run < WARM_UP_JOBS; run++) await stage.runJob();
      const usages: Usage[] = [];
      for (let run = 0; run < runs; run++) usages.push(await stage.measure(() => stage.runJob()));
      const walls = usages.map(({ wall }) => wall);
      const each = (of: keyof Usage): string =>
        microsEach(median(usages.map((usage) => usage[of])), nodeCount);
      say(`  POST to complete: best ${ms(Math.min(...walls))}, median ${ms(median(walls))} of ${runs}`);
      say(
        `  CPU for each node of a job (median): server ${each('server')}, PostgreSQL ${each('postgres')}, nodes ${each('load')}`,
      );
    });
  }
};
