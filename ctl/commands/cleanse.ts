import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../lib/exit-code.js';
import { writeAtomically } from '../lib/files.js';
import { PACKAGE } from '../lib/paths.js';
import { uninstallService } from '../lib/services/uninstall-service.js';
import { fileTimestamp } from '../lib/secrets/old-secrets.js';
import { SecretsStore } from '../lib/secrets/secrets-store.js';
import { UsageError } from '../../src/shared/lib/usage-error.js';

/** Time in which the user can still press Ctrl-C. */
const WAIT_MS = 60_000;
/** Not $HOME, because `sudo` may leave the user's own. */
const BACKUP_FOLDER = '/root';
const PRIVATE_FOLDER = 0o700;
const PRIVATE = 0o600;

const BANNER = `*******************************************************************
* * * * * * * * * * *        STOP AND READ       * * * * * * * * * *
*******************************************************************
This removes the Push Jobs server's settings, keys, logs and data
from this machine. The tables in PostgreSQL stay.
Nodes must fetch new keys after the next reconfigure.
*******************************************************************`;

const WAIT_NOTICE = 'It begins in 60 seconds. Press Ctrl-C to keep everything.';

/** Removes everything, so that the next reconfigure starts from nothing. */
export const cleanse: Command = {
  name: 'cleanse',
  group: 'general',
  summary:
    'Remove the service with its settings, keys, logs and data: at once with "yes", otherwise after 60 seconds.',
  argument: 'yes',
  needsRoot: true,
  isExclusive: () => true,
  run: async (context, { positionals: [word] }) => {
    if (word !== undefined && word !== 'yes')
      throw new UsageError(`cleanse accepts "yes" only, not "${word}"`);
    const settings = context.loadSettings();
    context.print(BANNER);
    if (word === undefined) {
      context.print(WAIT_NOTICE);
      await context.environment.sleep(WAIT_MS);
    }
    const backup = await backUp(context, settings.secretsFile);
    for (const change of await uninstallService(context)) context.print(change);
    const { data, logs } = settings.folders;
    for (const folder of [data, logs, context.paths.settingsFolder]) {
      rmSync(folder, { recursive: true, force: true });
      context.print(`removed ${folder}`);
    }
    context.print(`The settings and keys that were there are in ${backup}.`);
    return EXIT.ok;
  },
};

/** Copies settings and our secrets to the backup, then removes our secrets from the secrets file. Returns the backup folder. */
const backUp = async ({ environment, paths }: CommandContext, secretsFile: string): Promise<string> => {
  const stamp = fileTimestamp(new Date(environment.clock.now()));
  const backup = join(paths.under(BACKUP_FOLDER), `${PACKAGE}-cleanse-${stamp}`);
  mkdirSync(backup, { recursive: true, mode: PRIVATE_FOLDER });
  if (existsSync(paths.settingsFolder)) cpSync(paths.settingsFolder, backup, { recursive: true });
  const store = SecretsStore.open(secretsFile);
  const ours = Object.fromEntries(store.names().map((name) => [name, store.get(name)]));
  await writeAtomically(join(backup, 'secrets.json'), `${JSON.stringify(ours, null, 2)}\n`, {
    mode: PRIVATE,
  });
  store.removeAll();
  await store.save();
  return backup;
};
