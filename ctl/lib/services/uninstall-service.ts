import type { CommandContext } from '../../command-context.js';
import { Nginx } from '../nginx.js';

/**
 * Stops and removes the service and its nginx route. Returns a line per change. Does not read the settings, so that it
 * works even if they are invalid or missing.
 */
export const uninstallService = async (context: CommandContext): Promise<string[]> => {
  const removed = (await context.findSupervisor()?.remove()) ?? [];
  const nginx = Nginx.ofChefServer(context.paths, context.environment.run);
  const route = nginx?.remove() ?? [];
  if (nginx === undefined || route.length === 0) return [...removed, ...route];
  return [...removed, ...route, ...(await nginx.reload())];
};
