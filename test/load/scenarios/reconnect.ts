import { microsEach, ms } from '../statistics.js';
import { withEnvironment } from './with-environment.js';
import { type LoadOptions, print } from './scenario.js';

/** The server is killed and started again, so that all nodes connect at once. */
export const reconnect = async ({
  nodes,
  runs,
  heartbeatMs,
  profileFolder,
  rotated,
}: LoadOptions): Promise<void> => {
  for (const nodeCount of nodes) {
    await withEnvironment({ nodeCount, heartbeatMs, profileFolder, rotated }, async (environment) => {
      for (let run = 0; run < runs; run++) {
        await environment.installation.endServer('SIGKILL');
        await environment.installation.startServer();
        const usage = await environment.measure(() => environment.allAvailable());
        const { server } = environment.installation.cpu();
        print(
          `  all available ${ms(usage.wall)} after the server responded; its CPU since its start ${ms(server)}, ` +
            `${microsEach(server, nodeCount)} for each node`,
        );
        await environment.runJob();
      }
    });
  }
};
