import { pendingMigrations } from '../../src/persistence/migrate.js';
import type { Command } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../lib/exit-code.js';
import { databaseStep } from '../lib/reconfigure/database-step.js';
import { Installation } from '../lib/reconfigure/installation.js';
import { secretsStep } from '../lib/reconfigure/prepare-steps.js';
import { runSteps } from '../lib/reconfigure/step.js';
import { findOldSecrets } from '../lib/secrets/old-secrets.js';
import { PASSWORD_FILE_OPTION, superuserPasswordFrom } from '../lib/superuser-password.js';

/** Brings secrets and database to what this version needs, without the rest of reconfigure. */
export const upgrade: Command = {
  name: 'upgrade',
  group: 'general',
  summary: 'Bring the secrets and the database of an older version up to date; reconfigure does so, too.',
  options: {
    check: { type: 'boolean', describe: 'Only say what would be done' },
    ...PASSWORD_FILE_OPTION,
  },
  needsRoot: true,
  isExclusive: ({ options }) => !options.has('check'),
  run: async (context, args) => {
    const installation = new Installation(context, { superuserPassword: superuserPasswordFrom(args) });
    if (args.options.has('check')) return check(context, installation);
    const outcome = await runSteps(context, installation, [secretsStep, databaseStep]);
    if ('failed' in outcome) return EXIT.failed;
    context.say(outcome.changes === 0 ? 'Everything was up to date.' : `Changes: ${outcome.changes}`);
    return EXIT.ok;
  },
};

const check = async (context: CommandContext, installation: Installation): Promise<number> => {
  const planned = await plan(context, installation);
  context.say(planned.length === 0 ? 'Everything is up to date.' : 'An upgrade would:');
  for (const one of planned) context.say(`    - ${one}`);
  return EXIT.ok;
};

/** The same that the steps would do, and nothing where they do nothing. */
const plan = async (context: CommandContext, installation: Installation): Promise<string[]> => {
  const { runsService, settings } = installation.product;
  if (!runsService) return [];
  const moves = findOldSecrets(context.paths).map((file) => `move ${file} into the secrets file`);
  if (!settings.bootstrap.enable) return moves;
  if (installation.secrets.get('sql_password') === undefined) {
    return [...moves, 'make the roles and the database, or take over an old one'];
  }
  const pending = await pendingMigrations(installation.ownerConnection());
  return [...moves, ...pending.map((name) => `migrate the database: ${name}`)];
};
