import type { Command } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../lib/exit-code.js';
import { databaseStep } from '../lib/reconfigure/database-step.js';
import { Installation } from '../lib/installation.js';
import { secretsStep } from '../lib/reconfigure/prepare-steps.js';
import { type PlannedStep, runSteps } from '../lib/reconfigure/step.js';
import { PASSWORD_FILE_OPTION, superuserPasswordFrom } from '../lib/superuser-password.js';

/** Secrets first: the database step needs the passwords. */
const STEPS: readonly PlannedStep[] = [secretsStep, databaseStep];

/** Brings secrets and database up to date, without the rest of reconfigure. */
export const upgrade: Command = {
  name: 'upgrade',
  group: 'general',
  summary: 'Bring the secrets and the database of an older version up to date; reconfigure does this too.',
  options: {
    check: { type: 'boolean', describe: 'Only show what would change' },
    ...PASSWORD_FILE_OPTION,
  },
  needsRoot: true,
  isExclusive: ({ options }) => !options.has('check'),
  run: async (context, args) => {
    const installation = new Installation(context, { superuserPassword: superuserPasswordFrom(args) });
    await installation.requireSupportedPostgres();
    if (args.options.has('check')) return check(context, installation);
    const outcome = await runSteps(installation, STEPS);
    if ('failed' in outcome) return EXIT.failed;
    context.print(outcome.changes === 0 ? 'Everything was up to date.' : `Changes: ${outcome.changes}`);
    return EXIT.ok;
  },
};

const check = async (context: CommandContext, installation: Installation): Promise<number> => {
  const planned: string[] = [];
  for (const step of STEPS) planned.push(...(await step.plan(installation)));
  context.print(
    planned.length === 0 ? 'Everything is up to date.' : 'Nothing was changed. An upgrade would report:',
  );
  for (const one of planned) context.print(`    - ${one}`);
  return EXIT.ok;
};
