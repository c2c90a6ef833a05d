import type { Command } from '../command.js';
import { helpText } from '../help-text.js';
import { EXIT } from '../lib/exit-code.js';

/** Lists the commands. They come from a function because help is one of them. */
export const help = (commands: () => readonly Command[]): Command => ({
  name: 'help',
  group: 'general',
  summary: 'Show this help. COMMAND --help shows the options of one command.',
  needsRoot: false,
  run: ({ environment }) => {
    environment.stdout.write(helpText(commands()));
    return Promise.resolve(EXIT.ok);
  },
});
