import type { CommandContext } from '../command-context.js';
import { Installation } from './reconfigure/installation.js';

/** Stops and removes the service and the route to it; says what it did. */
export const removeFromMachine = async (context: CommandContext): Promise<string[]> => {
  const removed = await context.supervisor().remove();
  const installation = new Installation(context, { superuserPassword: undefined });
  const nginx = installation.nginx();
  const route = nginx?.remove() ?? [];
  if (nginx === undefined || route.length === 0) return [...removed, ...route];
  installation.applied.setApplied('nginx', []); // so that the next reconfigure has nginx read the same route again
  return [...removed, ...route, ...(await nginx.reload())];
};
