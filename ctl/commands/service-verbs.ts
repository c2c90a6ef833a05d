import type { Command } from '../command.js';
import { requireService } from '../lib/services/require-service.js';
import { type Verb, VERBS } from '../lib/services/supervisor.js';

/** The commands that do one thing to the service: start, stop, restart, once and the signals. */
export const serviceVerbs: readonly Command[] = Object.entries(VERBS).map(([name, summary]) => ({
  name,
  group: 'services',
  summary,
  word: 'SERVICE',
  needsRoot: true,
  run: async (context, args) => {
    requireService(args);
    const { code, text } = await context.supervisor().act(name as Verb);
    if (text !== '') context.say(text);
    return code;
  },
}));
