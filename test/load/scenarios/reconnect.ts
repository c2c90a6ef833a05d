import { microsEach, ms } from '../statistics.js';
import { onStage } from './open-stage.js';
import { type LoadOptions, say } from './scenario.js';

/** The server is killed and started again: all nodes connect to it at once. */
export const reconnect = async ({
  nodes,
  runs,
  heartbeatMs,
  profileFolder,
  rotated,
}: LoadOptions): Promise<void> => {
  for (const nodeCount of nodes) {
    await onStage({ nodeCount, heartbeatMs, profileFolder, rotated }, async (stage) => {
      for (let run = 0; run < runs; run++) {
        await stage.installation.endServer('SIGKILL');
        await stage.installation.startServer();
        const usage = await stage.measure(() => stage.allAvailable());
        const { server } = stage.installation.cpu();
        say(
          `  all available ${ms(usage.wall)} after the server answered; its CPU since its start ${ms(server)}, ` +
            `${microsEach(server, nodeCount)} for each node`,
        );
        await stage.runJob();
      }
    });
  }
};
