import { messageOf } from '../../src/shared/lib/app-error.js';
import type { Command } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { Installation } from '../lib/installation.js';
import { describeHealth } from '../lib/server-status.js';
import { requireService } from '../lib/services/require-service.js';
import { STATUS_CODE } from '../lib/services/service-supervisor.js';
import { findHaRole } from '../lib/ha-role.js';

/** Shows runit's status line and the server's health; the exit code is runit's. */
export const status: Command = {
  name: 'status',
  group: 'services',
  summary: 'Show whether the service runs, since when, and whether the server is ready.',
  argument: 'SERVICE',
  needsRoot: true,
  run: async (context, args) => {
    requireService(args);
    const { code, text } = await context.requireSupervisor().status();
    context.print(text);
    if (code === STATUS_CODE.running) context.print(`health: ${await healthText(context)}`);
    return code;
  },
};

/** Settings that have become invalid must not hide that the service runs. */
const healthText = async (context: CommandContext): Promise<string> => {
  try {
    const installation = new Installation(context, { superuserPassword: undefined });
    const health = await describeHealth(installation.settings);
    if (!health.startsWith('unknown')) return health;
    const haRole = await findHaRole(installation);
    return haRole.kind === 'standby' ? `stands by for the active server, on ${haRole.activeHost}` : health;
  } catch (thrown) {
    return `unknown: ${messageOf(thrown)}`;
  }
};
