import { serverAddress } from '../server-status.js';
import type { Step } from './step.js';

/** The route through Chef Server's nginx to the server; a frontend's leads to the backend. */
export const nginxStep: Step = {
  name: 'nginx route',
  run: async (installation) => {
    const nginx = installation.nginx();
    if (nginx === undefined) return []; // no Chef Server on this machine
    const { applied, product } = installation;
    const upstream = serverAddress(product);
    // What is written now, nginx does not know yet, also where this run breaks off before the reload.
    if (!nginx.leadsTo(upstream)) applied.setApplied('nginx', []);
    const changes = await nginx.install(upstream);
    const route = [nginx.routeTo(upstream)];
    if (applied.isApplied('nginx', route)) return changes;
    const reloaded = await nginx.reload();
    applied.setApplied('nginx', route);
    return [...changes, ...reloaded];
  },
};
