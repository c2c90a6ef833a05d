import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { PACKAGE } from '../lib/paths.js';

/** Shows which version is installed. */
export const version: Command = {
  name: 'version',
  group: 'general',
  summary: 'Show which version is installed.',
  needsRoot: false,
  run: (context) => {
    context.say(`${PACKAGE} ${context.environment.installed.version}`);
    return Promise.resolve(EXIT.ok);
  },
};
