import type { CommandContext } from '../../command-context.js';
import { Nginx } from '../nginx.js';

/**
 * Stops and removes the service and the route to it; says what it did. The settings are not asked: it must also work
 * where they are wrong, or where there are none yet.
 */
export const removeFromMachine = async (context: CommandContext): Promise<string[]> => {
  const removed = (await context.findSupervisor()?.remove()) ?? [];
  const nginx = Nginx.ofChefServer(context.paths, context.environment.run);
  const route = nginx?.remove() ?? [];
  if (nginx === undefined || route.length === 0) return [...removed, ...route];
  return [...removed, ...route, ...(await nginx.reload())];
};
