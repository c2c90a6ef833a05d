import { serverAddress } from '../server-status.js';
import type { Step } from './step.js';

/** Sets the route through Chef Server's nginx to the server, on a frontend to the backend. Removes it if the server is disabled. */
export const nginxStep: Step = {
  name: 'nginx route',
  run: async (installation) => {
    const nginx = installation.nginx();
    if (nginx === undefined) return []; // no Chef Server on this machine
    const { applied, settings } = installation;
    const upstream = settings.isRouted ? serverAddress(settings) : undefined;
    const isUpToDate = upstream === undefined ? !nginx.hasRoute : nginx.hasRouteTo(upstream);
    // nginx must reload what is written now, even if this run ends before the reload.
    if (!isUpToDate) await applied.setApplied('nginx', []);
    const changes = upstream === undefined ? nginx.remove() : await nginx.install(upstream);
    const route = [upstream === undefined ? 'none' : nginx.routeConfig(upstream)];
    if (applied.isApplied('nginx', route)) return changes;
    const reloaded = await nginx.reload();
    await applied.setApplied('nginx', route);
    return [...changes, ...reloaded];
  },
};
