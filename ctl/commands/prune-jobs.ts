import type { Command } from '../command.js';
import { EXIT } from '../lib/exit-code.js';
import { withSession } from '../lib/database/session.js';
import { deleteOldJobs } from '../lib/database/delete-old-jobs.js';
import { Installation } from '../lib/installation.js';
import { UsageError } from '../lib/usage-error.js';

const DAY_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = { d: DAY_MS, w: 7 * DAY_MS, y: 365 * DAY_MS };

/** No job is that old; and PostgreSQL knows no time before 4713 BC. */
const OLDEST_YEARS = 100;
const OLDEST_MS = OLDEST_YEARS * 365 * DAY_MS;

/** The milliseconds of `90d`, `12w` or `1y`; throws a UsageError. */
export const parseAge = (text: string | true | undefined): number => {
  const [, count, unit = ''] = /^(\d+)([dwy])$/.exec(String(text ?? '')) ?? [];
  const age = Number(count) * (UNITS[unit] ?? Number.NaN);
  if (age > 0 && age <= OLDEST_MS) return age;
  throw new UsageError(
    `say how old jobs must be to be deleted: --older-than 90d (days d, weeks w, years y, at most ${OLDEST_YEARS}y)${text === undefined ? '' : `, not ${String(text)}`}`,
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
      describe: 'Delete those that last changed longer ago than this, like 90d',
    },
  },
  needsRoot: true,
  run: async (context, { options }) => {
    const age = parseAge(options.get('older-than'));
    const before = new Date(context.environment.clock.now() - age);
    const installation = new Installation(context, { superuserPassword: undefined });
    const count = await withSession(installation.ownerConnection(), (session) =>
      deleteOldJobs(session, before),
    );
    context.say(`Deleted ${count} jobs that ended before ${before.toISOString()}.`);
    return EXIT.ok;
  },
};
