import { setTimeout as pause } from 'node:timers/promises';
import { microsEach } from '../statistics.js';
import { onStage } from './open-stage.js';
import { type LoadOptions, say } from './scenario.js';

/** Nothing but heartbeats: what one of a node costs the server, its own to that node included where the node listens. */
export const heartbeats = async ({
  nodes,
  seconds,
  heartbeatMs,
  profileFolder,
  rotated,
  deaf,
}: LoadOptions): Promise<void> => {
  for (const nodeCount of nodes) {
    await onStage({ nodeCount, heartbeatMs, profileFolder, rotated, deaf }, async (stage) => {
      const before = await stage.fleet.counts();
      const usage = await stage.measure(() => pause(seconds * 1000));
      const after = await stage.fleet.counts();
      const sent = after.heartbeats - before.heartbeats;
      await stage.allAvailable();
      say(
        `  ${Math.round(sent / usage.wall)} heartbeats a second: server CPU for each ${microsEach(usage.server, sent)} ` +
          `(the nodes took ${microsEach(usage.load, sent)})`,
      );
    });
  }
};
