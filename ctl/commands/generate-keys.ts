import type { Command } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../lib/exit-code.js';
import { type KeyChoice, replaceKeys } from '../lib/secrets/generate-secrets.js';
import { previousKeysOf } from '../lib/secrets/previous-keys.js';
import { openSecrets, refuseWhereNoServiceRuns } from '../lib/secrets/open-secrets.js';
import type { SecretsStore } from '../lib/secrets/secrets-store.js';

const RECONFIGURE = 'To have the server use them, run: opscode-push-jobs-server-ctl reconfigure';

/** Makes the keys that nodes know the server by. */
export const generateKeys: Command = {
  name: 'generate-keys',
  group: 'general',
  summary: 'Make the keys of the server: the RSA key that signs, the Curve key that encrypts, or both.',
  options: {
    rsa: { type: 'boolean', describe: 'Make the RSA key only' },
    curve: { type: 'boolean', describe: 'Make the Curve key only' },
    force: { type: 'boolean', describe: 'Replace keys that are there; nodes must fetch the new ones' },
  },
  needsRoot: true,
  isExclusive: () => true,
  run: async (context, { options }) => {
    const both = !options.has('rsa') && !options.has('curve');
    const choice = { rsa: both || options.has('rsa'), curve: both || options.has('curve') };
    const product = context.loadProduct();
    refuseWhereNoServiceRuns(product, 'generate-keys');
    const store = openSecrets(product);
    const existing = existingKeys(store, choice);
    if (existing.length > 0 && !options.has('force')) return refuse(context, store, existing);
    const hadPrevious = previousKeysOf(store) !== undefined;
    const made = await replaceKeys(store, choice);
    store.save();
    context.say(`Made ${made.join(', ')} in ${store.file}.`);
    if (hadPrevious) context.say('Those before the last rotation are removed: they count no more, either.');
    context.say(RECONFIGURE);
    return EXIT.ok;
  },
};

const existingKeys = (store: SecretsStore, { rsa, curve }: KeyChoice): string[] => {
  const names = [...(rsa ? ['pushy_priv_key'] : []), ...(curve ? ['curve_secret_key'] : [])];
  return names.filter((name) => store.get(name) !== undefined);
};

const refuse = (context: CommandContext, { file }: SecretsStore, existing: readonly string[]): number => {
  context.warn(
    `${file} has ${existing.join(', ')} already; nothing was changed. With --force they are replaced, and every node is ` +
      'out of touch until it has fetched the new ones.',
  );
  return EXIT.failed;
};
