import { setTimeout as pause } from 'node:timers/promises';
import { microsEach } from '../statistics.js';
import { withEnvironment } from './with-environment.js';
import { type LoadOptions, print } from './scenario.js';

/** Heartbeats only: the server's cost of each heartbeat of a node, its own heartbeat to a listening node included. */
export const heartbeats = async ({
  nodes,
  seconds,
  heartbeatMs,
  profileFolder,
  rotated,
  deaf,
}: LoadOptions): Promise<void> => {
  for (const nodeCount of nodes) {
    await withEnvironment({ nodeCount, heartbeatMs, profileFolder, rotated, deaf }, async (environment) => {
      const before = await environment.simulatedNodes.counts();
      const usage = await environment.measure(() => pause(seconds * 1000));
      const after = await environment.simulatedNodes.counts();
      const sent = after.heartbeats - before.heartbeats;
      await environment.allAvailable();
      print(
        `  ${Math.round(sent / usage.wall)} heartbeats a second: server CPU for each ${microsEach(usage.server, sent)} ` +
          `(the nodes took ${microsEach(usage.load, sent)})`,
      );
    });
  }
};
