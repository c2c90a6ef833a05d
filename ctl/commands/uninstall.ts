import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { uninstallService } from '../lib/services/uninstall-service.js';

/** Removes the service and keeps all data. */
export const uninstall: Command = {
  name: 'uninstall',
  group: 'general',
  summary: 'Stop and remove the service and its nginx route; settings, keys, logs and database stay.',
  needsRoot: true,
  isExclusive: () => true,
  run: async (context) => {
    for (const change of await uninstallService(context)) context.print(change);
    context.print(
      'Settings, keys, logs and the database are still there; reconfigure brings the service back.',
    );
    return EXIT.ok;
  },
};
