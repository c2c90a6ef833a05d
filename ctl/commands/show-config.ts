import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { showSettings } from '../lib/settings/show-settings.js';

/** Shows the settings that reconfigure would apply. */
export const showConfig: Command = {
  name: 'show-config',
  group: 'general',
  summary: 'Show all settings as JSON, without secrets: set ones, inherited ones and defaults.',
  needsRoot: true,
  run: (context) => {
    context.print(JSON.stringify(showSettings(context.loadSettings()), null, 2));
    return Promise.resolve(EXIT.ok);
  },
};
