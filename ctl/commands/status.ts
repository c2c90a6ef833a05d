import { messageOf } from '../../src/lib/app-error.js';
import type { Command } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { askHealth } from '../lib/server-status.js';
import { requireService } from '../lib/services/require-service.js';
import { STATUS_CODE } from '../lib/services/supervisor.js';

/** Shows whether the service runs, as runit tells it, and what the server says of itself; the exit code is runit's. */
export const status: Command = {
  name: 'status',
  group: 'services',
  summary: 'Show whether the service runs, since when, and whether it can do its work.',
  word: 'SERVICE',
  needsRoot: true,
  run: async (context, args) => {
    requireService(args);
    const { code, text } = await context.supervisor().status();
    context.say(text);
    if (code === STATUS_CODE.running) context.say(`health: ${await healthIn(context)}`);
    return code;
  },
};

/** Settings that are wrong by now do not hide that the service runs. */
const healthIn = async (context: CommandContext): Promise<string> => {
  try {
    return await askHealth(context.loadProduct());
  } catch (thrown) {
    return `unknown: ${messageOf(thrown)}`;
  }
};
