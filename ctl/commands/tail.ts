import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { requireService } from '../lib/services/require-service.js';

/** Not read by people: svlogd's lock and settings, and what was rotated away (`@….s`, `….1`, `….gz`). */
const LEFT_OUT = /^(lock|config|state|newstate|@.*|.*\.\d+|.*\.gz|.*\.[stu])$/;

/** The log files in a folder that are being written; none where there is no such folder. */
export const liveLogs = (folder: string): string[] =>
  (existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [])
    .filter((entry) => entry.isFile() && !LEFT_OUT.test(entry.name))
    .map(({ name }) => join(folder, name));

/** Follows the logs. */
export const tail: Command = {
  name: 'tail',
  group: 'services',
  summary: 'Follow the logs of the service until Ctrl-C.',
  word: 'SERVICE',
  needsRoot: true,
  run: async (context, args) => {
    requireService(args);
    const { logs } = context.loadProduct().folders;
    const files = liveLogs(logs);
    if (files.length === 0) {
      context.warn(`there are no logs in ${logs} yet`);
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
