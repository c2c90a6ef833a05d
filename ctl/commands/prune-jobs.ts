import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { withDatabaseConnection } from '../lib/database/database-connection.js';
import { deleteOldJobs } from '../lib/database/delete-old-jobs.js';
import { Installation } from '../lib/installation.js';
import { UsageError } from '../../src/shared/lib/usage-error.js';

const DAY_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = { d: DAY_MS, w: 7 * DAY_MS, y: 365 * DAY_MS };

/** PostgreSQL rejects times before 4713 BC. */
const MAX_AGE_YEARS = 100;
const MAX_AGE_MS = MAX_AGE_YEARS * 365 * DAY_MS;

/** Parses `90d`, `12w` or `1y` into milliseconds. Throws a UsageError. */
export const parseAge = (text: string | true | undefined): number => {
  const [, count, unit = ''] = /^(\d+)([dwy])$/.exec(String(text ?? '')) ?? [];
  const age = Number(count) * (UNITS[unit] ?? Number.NaN);
  if (age > 0 && age <= MAX_AGE_MS) return age;
  throw new UsageError(
    `give the age from which jobs are deleted: --older-than 90d (days d, weeks w, years y, at most ${MAX_AGE_YEARS}y)${text === undefined ? '' : `, not ${String(text)}`}`,
  );
};

/** Deletes old jobs from the database. */
export const pruneJobs: Command = {
  name: 'prune-jobs',
  group: 'general',
  summary: 'Delete jobs that ended long ago, with their output.',
  options: {
    'older-than': {
      type: 'string',
      describe: 'Delete jobs whose last change is older than this, for example 90d',
    },
  },
  needsRoot: true,
  run: async (context, { options }) => {
    const age = parseAge(options.get('older-than'));
    const before = new Date(context.environment.clock.now() - age);
    const installation = new Installation(context, { superuserPassword: undefined });
    const count = await withDatabaseConnection(installation.ownerConnection(), (database) =>
      deleteOldJobs(database, before),
    );
    context.print(`Deleted ${count} jobs that ended before ${before.toISOString()}.`);
    return EXIT.ok;
  },
};
