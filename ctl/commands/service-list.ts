import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { SERVICE } from '../lib/paths.js';

/** Lists the services. */
export const serviceList: Command = {
  name: 'service-list',
  group: 'services',
  summary: 'List the services; those that are enabled have a *.',
  needsRoot: true,
  run: (context) => {
    context.print(`${SERVICE}${context.requireSupervisor().isEnabled() ? '*' : ''}`);
    return Promise.resolve(EXIT.ok);
  },
};
