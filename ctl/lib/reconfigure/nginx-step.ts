import { serverAddress } from '../server-status.js';
import type { Step } from './step.js';

/** The route through Chef Server's nginx to the server; a frontend's leads to the backend. Without a server there is none. */
export const nginxStep: Step = {
  name: 'nginx route',
  run: async (installation) => {
    const nginx = installation.nginx();
    if (nginx === undefined) return []; // no Chef Server on this machine
    const { applied, product } = installation;
    const upstream = product.isRouted ? serverAddress(product) : undefined;
    const isRight = upstream === undefined ? !nginx.hasRoute : nginx.leadsTo(upstream);
    // What is written now, nginx does not know yet, also where this run breaks off before the reload.
    if (!isRight) applied.setApplied('nginx', []);
    const changes = upstream === undefined ? nginx.remove() : await nginx.install(upstream);
    const route = [upstream === undefined ? 'none' : nginx.routeTo(upstream)];
    if (applied.isApplied('nginx', route)) return changes;
    const reloaded = await nginx.reload();
    applied.setApplied('nginx', route);
    return [...changes, ...reloaded];
  },
};
