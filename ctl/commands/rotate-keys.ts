import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { replaceKeys } from '../lib/secrets/generate-secrets.js';
import { Installation } from '../lib/reconfigure/installation.js';
import { configurationStep, startStep } from '../lib/reconfigure/service-steps.js';
import { runSteps } from '../lib/reconfigure/step.js';

/** Makes new keys and has the server use them at once. */
export const rotateKeys: Command = {
  name: 'rotate-keys',
  group: 'general',
  summary: 'Replace the keys of the server and restart it with them; nodes notice and fetch the new ones.',
  needsRoot: true,
  run: async (context) => {
    const installation = new Installation(context, { superuserPassword: undefined });
    const made = await replaceKeys(installation.secrets, { rsa: true, curve: true });
    installation.secrets.save();
    context.say(`Made ${made.join(', ')} in ${installation.secrets.file}.`);
    const outcome = await runSteps(context, installation, [configurationStep, startStep]);
    if ('failed' in outcome) {
      context.warn('The keys are made, but the server does not use them yet: mend this and run reconfigure.');
      return EXIT.failed;
    }
    context.say('The server uses the new keys.');
    return EXIT.ok;
  },
};
