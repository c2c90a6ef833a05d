import { messageOf } from '../../src/shared/lib/app-error.js';
import type { Command } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { Installation } from '../lib/installation.js';
import { askHealth } from '../lib/server-status.js';
import { requireService } from '../lib/services/require-service.js';
import { STATUS_CODE } from '../lib/services/supervisor.js';
import { findStanding } from '../lib/ha-role.js';

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
    const installation = new Installation(context, { superuserPassword: undefined });
    const health = await askHealth(installation.product);
    if (!health.startsWith('unknown')) return health;
    const standing = await findStanding(installation);
    return standing.kind === 'stands by'
      ? `stands by for the active server, on ${standing.activeHost}`
      : health;
  } catch (thrown) {
    return `unknown: ${messageOf(thrown)}`;
  }
};
