import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { removeFromMachine } from '../lib/services/uninstall-service.js';

/** Takes the service away and leaves all data. */
export const uninstall: Command = {
  name: 'uninstall',
  group: 'general',
  summary: 'Stop the service and remove it and its nginx route; settings, keys, logs and database stay.',
  needsRoot: true,
  isExclusive: () => true,
  run: async (context) => {
    for (const change of await removeFromMachine(context)) context.say(change);
    context.say(
      'Settings, keys, logs and the database are still there; reconfigure brings the service back.',
    );
    return EXIT.ok;
  },
};
