import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { PACKAGE } from '../lib/paths.js';
import { databaseStep } from '../lib/reconfigure/database-step.js';
import { finishStep } from '../lib/reconfigure/finish-step.js';
import { Installation } from '../lib/installation.js';
import { nginxStep } from '../lib/reconfigure/nginx-step.js';
import { foldersStep, secretsStep } from '../lib/reconfigure/prepare-steps.js';
import { configurationStep, serviceStep, startStep } from '../lib/reconfigure/service-steps.js';
import { runSteps, type Step } from '../lib/reconfigure/step.js';
import { PASSWORD_FILE_OPTION, superuserPasswordFrom } from '../lib/superuser-password.js';

/** In this order; each can rely on those before it. */
const STEPS: readonly Step[] = [
  secretsStep,
  foldersStep,
  databaseStep,
  nginxStep,
  configurationStep,
  serviceStep,
  startStep,
  finishStep,
];

/** Brings this machine to what the settings say. */
export const reconfigure: Command = {
  name: 'reconfigure',
  group: 'general',
  summary: 'Set this machine up as the settings say; run it after every change of them.',
  options: PASSWORD_FILE_OPTION,
  needsRoot: true,
  isExclusive: () => true,
  run: async (context, args) => {
    const installation = new Installation(context, { superuserPassword: superuserPasswordFrom(args) });
    const { withoutEffect } = installation.product;
    if (withoutEffect.length > 0) context.say(`These settings have no effect: ${withoutEffect.join(', ')}`);
    await installation.refuseOldDatabase();
    const outcome = await runSteps(context, installation, STEPS);
    if ('failed' in outcome) {
      context.warn('What was done before stays. Mend this and run reconfigure again: it goes on from there.');
      return EXIT.failed;
    }
    context.say(outcome.changes === 0 ? 'Nothing had to be changed.' : `Changes: ${outcome.changes}`);
    context.say(`${PACKAGE} Reconfigured!`);
    return EXIT.ok;
  },
};
