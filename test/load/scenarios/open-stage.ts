import { openFilesLimit } from '../../../src/server/transport/descriptor-limit.js';
import { Stage, type StageOptions } from '../stage.js';
import { microsEach } from '../statistics.js';
import { say } from './scenario.js';

/** What a scenario asks for; nodes that are not `deaf` listen for the server's heartbeats where they can. */
type OpenOptions = Omit<StageOptions, 'listens'> & { readonly deaf?: boolean };

/** File descriptors that a process needs besides those of its nodes. */
const FOR_OTHERS = 1_000;

/**
 * Opens a stage and says what the config fetches cost. Where not so many files may be open as two connections of every
 * node need, the nodes do without the server's heartbeats.
 */
export const openStage = async (options: OpenOptions): Promise<Stage> => {
  const { nodeCount, deaf = false } = options;
  const mayListen = 2 * nodeCount + FOR_OTHERS <= (openFilesLimit() ?? Infinity);
  const listens = mayListen && !deaf;
  const stage = await Stage.open({ ...options, listens });
  const { server, postgres, chefServer, wall } = stage.fetching;
  say(
    `${nodeCount} nodes${mayListen ? '' : ' (that do not listen for server heartbeats: too few files may be open)'}: ` +
      `${Math.round(nodeCount / wall)} config fetches a second; CPU for each: server ${microsEach(server, nodeCount)}, ` +
      `PostgreSQL ${microsEach(postgres, nodeCount)}, Chef Server ${microsEach(chefServer, nodeCount)}`,
  );
  return stage;
};

/** Plays with a stage and closes it, whatever happens. */
export const onStage = async (options: OpenOptions, play: (stage: Stage) => Promise<void>): Promise<void> => {
  const stage = await openStage(options);
  try {
    await play(stage);
  } finally {
    await stage.close();
  }
};
