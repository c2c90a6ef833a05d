import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { PACKAGE } from '../lib/paths.js';
import { databaseStep } from '../lib/reconfigure/database-step.js';
import { runningFileStep } from '../lib/reconfigure/running-file-step.js';
import { Installation } from '../lib/installation.js';
import { nginxStep } from '../lib/reconfigure/nginx-step.js';
import { foldersStep, secretsStep } from '../lib/reconfigure/prepare-steps.js';
import { configurationStep, serviceStep, startStep } from '../lib/reconfigure/service-steps.js';
import { runSteps, type Step } from '../lib/reconfigure/step.js';
import { PASSWORD_FILE_OPTION, superuserPasswordFrom } from '../lib/superuser-password.js';

/** The order matters: a step relies on those before it. See docs/spec/operations.md, "reconfigure". */
const STEPS: readonly Step[] = [
  secretsStep,
  foldersStep,
  databaseStep,
  nginxStep,
  configurationStep,
  serviceStep,
  startStep,
  runningFileStep,
];

/** Sets this machine up as the settings say. */
export const reconfigure: Command = {
  name: 'reconfigure',
  group: 'general',
  summary: 'Set this machine up as the settings say; run it after every change of the settings.',
  options: PASSWORD_FILE_OPTION,
  needsRoot: true,
  isExclusive: () => true,
  run: async (context, args) => {
    const installation = new Installation(context, { superuserPassword: superuserPasswordFrom(args) });
    const { unusedSettings: withoutEffect } = installation.settings;
    if (withoutEffect.length > 0) context.print(`These settings have no effect: ${withoutEffect.join(', ')}`);
    await installation.requireSupportedPostgres();
    const outcome = await runSteps(installation, STEPS);
    if ('failed' in outcome) {
      context.warn(
        'The earlier steps stay done. Fix this and run reconfigure again: it continues from there.',
      );
      return EXIT.failed;
    }
    context.print(outcome.changes === 0 ? 'Nothing had to be changed.' : `Changes: ${outcome.changes}`);
    context.print(`${PACKAGE} Reconfigured!`);
    return EXIT.ok;
  },
};
