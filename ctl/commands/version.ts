import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { PACKAGE } from '../lib/paths.js';

/** Shows the installed version. */
export const version: Command = {
  name: 'version',
  group: 'general',
  summary: 'Show the installed version.',
  needsRoot: false,
  run: (context) => {
    context.print(`${PACKAGE} ${context.environment.installed.version}`);
    return Promise.resolve(EXIT.ok);
  },
};
