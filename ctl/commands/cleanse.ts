import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../lib/exit-code.js';
import { writeAtomically } from '../lib/files.js';
import { PACKAGE } from '../lib/paths.js';
import { removeFromMachine } from '../lib/services/uninstall-service.js';
import { stampOf } from '../lib/secrets/old-secrets.js';
import { SecretsStore } from '../lib/secrets/secrets-store.js';
import { UsageError } from '../lib/usage-error.js';

/** Who did not mean it has so long to press Ctrl-C. */
const WAIT_MS = 60_000;
/** Not the home of whoever runs it: `sudo` can leave that as it was. */
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

const LAST_CALL = 'It begins in 60 seconds. Press Ctrl-C to keep everything.';

/** Takes everything away, so that a reconfigure starts from nothing. */
export const cleanse: Command = {
  name: 'cleanse',
  group: 'general',
  summary:
    'Remove the service with its settings, keys, logs and data; with "yes" at once, else after 60 seconds.',
  word: 'yes',
  needsRoot: true,
  isExclusive: () => true,
  run: async (context, { words: [word] }) => {
    if (word !== undefined && word !== 'yes')
      throw new UsageError(`cleanse accepts "yes" only, not "${word}"`);
    const product = context.loadProduct();
    context.say(BANNER);
    if (word === undefined) {
      context.say(LAST_CALL);
      await context.environment.sleep(WAIT_MS);
    }
    const backup = backUp(context, product.secretsFile);
    for (const change of await removeFromMachine(context)) context.say(change);
    const { data, logs } = product.folders;
    for (const folder of [data, logs, context.paths.settingsFolder]) {
      rmSync(folder, { recursive: true, force: true });
      context.say(`removed ${folder}`);
    }
    context.say(`The settings and keys that were there are in ${backup}.`);
    return EXIT.ok;
  },
};

/** Copies settings and our secrets away, then takes the latter out of the secrets file. */
const backUp = ({ environment, paths }: CommandContext, secretsFile: string): string => {
  const stamp = stampOf(new Date(environment.clock.now()));
  const backup = join(paths.under(BACKUP_FOLDER), `${PACKAGE}-cleanse-${stamp}`);
  mkdirSync(backup, { recursive: true, mode: PRIVATE_FOLDER });
  if (existsSync(paths.settingsFolder)) cpSync(paths.settingsFolder, backup, { recursive: true });
  const store = SecretsStore.open(secretsFile);
  const ours = Object.fromEntries(store.names().map((name) => [name, store.get(name)]));
  writeAtomically(join(backup, 'secrets.json'), `${JSON.stringify(ours, null, 2)}\n`, { mode: PRIVATE });
  store.removeOurs();
  store.save();
  return backup;
};
