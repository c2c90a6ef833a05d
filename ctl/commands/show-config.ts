import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { showSettings } from '../lib/settings/show-settings.js';

/** Shows what reconfigure would go by. */
export const showConfig: Command = {
  name: 'show-config',
  group: 'general',
  summary:
    'Show all settings as JSON: those that are set, inherited from Chef Server, or defaults. No secrets.',
  needsRoot: true,
  run: (context) => {
    context.say(JSON.stringify(showSettings(context.loadProduct()), null, 2));
    return Promise.resolve(EXIT.ok);
  },
};
