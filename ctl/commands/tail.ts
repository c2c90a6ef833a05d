import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { requireService } from '../lib/services/require-service.js';

/** svlogd's lock and settings, and rotated logs (`@….s`, `….1`, `….gz`). */
const NOT_FOLLOWED = /^(lock|config|state|newstate|@.*|.*\.\d+|.*\.gz|.*\.[stu])$/;

/** Returns the log files in a folder that are still written; empty if the folder does not exist. */
export const liveLogs = (folder: string): string[] =>
  (existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [])
    .filter((entry) => entry.isFile() && !NOT_FOLLOWED.test(entry.name))
    .map(({ name }) => join(folder, name));

/** Follows the service's logs. */
export const tail: Command = {
  name: 'tail',
  group: 'services',
  summary: 'Follow the logs of the service until Ctrl-C.',
  argument: 'SERVICE',
  needsRoot: true,
  run: async (context, args) => {
    requireService(args);
    const { logs } = context.loadSettings().folders;
    const files = liveLogs(logs);
    if (files.length === 0) {
      context.warn(`${logs} has no logs yet`);
      return EXIT.failed;
    }
    const { run, stdout } = context.environment;
    const { code } = await run('tail', ['-F', ...files], {
      timeoutMs: 0,
      onOutput: (chunk) => stdout.write(chunk),
    });
    return code;
  },
};
