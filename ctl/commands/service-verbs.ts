import type { Command } from '../command.js';
import { requireService } from '../lib/services/require-service.js';
import { type Verb, VERBS } from '../lib/services/service-supervisor.js';

/** The commands that control the service: start, stop, restart, once and the signals. */
export const serviceVerbs: readonly Command[] = Object.entries(VERBS).map(([name, summary]): Command => ({
  name,
  group: 'services',
  summary,
  argument: 'SERVICE',
  needsRoot: true,
  run: async (context, args) => {
    requireService(args);
    const { code, text } = await context.requireSupervisor().control(name as Verb);
    if (text !== '') context.print(text);
    return code;
  },
}));
