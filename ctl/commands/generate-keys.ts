import type { Command } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../lib/exit-code.js';
import { type KeyChoice, replaceKeys } from '../lib/secrets/generate-secrets.js';
import { previousKeysOf } from '../lib/secrets/previous-keys.js';
import { openSecrets, requireServiceOnThisMachine } from '../lib/secrets/open-secrets.js';
import type { SecretsStore } from '../lib/secrets/secrets-store.js';

const RECONFIGURE = 'To make the server use them, run: opscode-push-jobs-server-ctl reconfigure';

/** Generates the server keys. */
export const generateKeys: Command = {
  name: 'generate-keys',
  group: 'general',
  summary: 'Generate the keys of the server: the RSA key that signs, the Curve key that encrypts, or both.',
  options: {
    rsa: { type: 'boolean', describe: 'Generate the RSA key only' },
    curve: { type: 'boolean', describe: 'Generate the Curve key only' },
    force: { type: 'boolean', describe: 'Replace existing keys; nodes must fetch the new ones' },
  },
  needsRoot: true,
  isExclusive: () => true,
  run: async (context, { options }) => {
    const both = !options.has('rsa') && !options.has('curve');
    const choice = { rsa: both || options.has('rsa'), curve: both || options.has('curve') };
    const settings = context.loadSettings();
    requireServiceOnThisMachine(settings, 'generate-keys');
    const store = openSecrets(settings);
    const existing = existingKeys(store, choice);
    if (existing.length > 0 && !options.has('force')) return reportExistingKeys(context, store, existing);
    const hadPrevious = previousKeysOf(store) !== undefined;
    const made = await replaceKeys(store, choice);
    await store.save();
    context.print(`Generated ${made.join(', ')} in ${store.file}.`);
    if (hadPrevious)
      context.print('The keys before the last rotation are removed: they are no longer accepted either.');
    context.print(RECONFIGURE);
    return EXIT.ok;
  },
};

const existingKeys = (store: SecretsStore, { rsa, curve }: KeyChoice): string[] => {
  const names = [...(rsa ? ['pushy_priv_key'] : []), ...(curve ? ['curve_secret_key'] : [])];
  return names.filter((name) => store.get(name) !== undefined);
};

const reportExistingKeys = (
  context: CommandContext,
  { file }: SecretsStore,
  existing: readonly string[],
): number => {
  context.warn(
    `${file} already has ${existing.join(', ')}; nothing was changed. With --force they are replaced, and every node is ` +
      'offline until it fetches the new ones.',
  );
  return EXIT.failed;
};
