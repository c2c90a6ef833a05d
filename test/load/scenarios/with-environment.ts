import { openFilesLimit } from '../../../src/server/transport/descriptor-watch.js';
import { LoadEnvironment, type EnvironmentOptions } from '../load-environment.js';
import { microsEach } from '../statistics.js';
import { print } from './scenario.js';

/** Options of a scenario; nodes listen for the server's heartbeats unless they are `deaf` or files are too few. */
type OpenOptions = Omit<EnvironmentOptions, 'listens'> & { readonly deaf?: boolean };

/** File descriptors that a process needs besides those of its nodes. */
const FOR_OTHERS = 1_000;

/**
 * Opens an environment and prints the cost of the config fetches. The nodes do not listen for the server's heartbeats if
 * the limit of open files is too low for two connections per node.
 */
const openEnvironment = async (options: OpenOptions): Promise<LoadEnvironment> => {
  const { nodeCount, deaf = false } = options;
  const mayListen = 2 * nodeCount + FOR_OTHERS <= (openFilesLimit() ?? Infinity);
  const listens = mayListen && !deaf;
  const environment = await LoadEnvironment.open({ ...options, listens });
  const { server, postgres, chefServer, wall } = environment.fetching;
  print(
    `${nodeCount} nodes${mayListen ? '' : ' (that do not listen for server heartbeats: too few files may be open)'}: ` +
      `${Math.round(nodeCount / wall)} config fetches a second; CPU for each: server ${microsEach(server, nodeCount)}, ` +
      `PostgreSQL ${microsEach(postgres, nodeCount)}, Chef Server ${microsEach(chefServer, nodeCount)}`,
  );
  return environment;
};

/** Opens an environment, calls `run` and closes the environment. */
export const withEnvironment = async (
  options: OpenOptions,
  run: (environment: LoadEnvironment) => Promise<void>,
): Promise<void> => {
  const environment = await openEnvironment(options);
  try {
    await run(environment);
  } finally {
    await environment.close();
  }
};
