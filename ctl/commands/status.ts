import type { Command } from '../command.js';
import { requireService } from '../lib/services/require-service.js';

/** Shows whether the service runs. */
export const status: Command = {
  name: 'status',
  group: 'services',
  summary: 'Show whether the service runs, and since when.',
  word: 'SERVICE',
  needsRoot: true,
  run: async (context, args) => {
    requireService(args);
    const { code, text } = await context.supervisor().status();
    context.say(text);
    return code;
  },
};
