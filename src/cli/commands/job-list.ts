import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import { omitUndefined } from '../../shared/lib/omit-undefined.js';
import { JOB_STATUS_CODES, type JobStatus } from '../../shared/protocol/job-status.js';
import type { JobSummary } from '../../shared/protocol/rest-schemas.js';
import { parseRfc1123 } from '../../shared/protocol/wire-time.js';
import type { ChooseCommand, CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { parseWholeNumber } from '../job-options/number-option.js';
import { parseSince } from '../job-options/since.js';
import { printable } from '../output/printable.js';
import { shortDate } from '../output/render-job.js';
import { colourState } from '../output/colour-state.js';
import { formatTable, terminalWidth } from '../output/table.js';
import { unwrap } from '../unwrap.js';

interface ListOptions {
  readonly status: JobStatus | undefined;
  readonly since: string | undefined;
  readonly limit: string | undefined;
}

/** The server returns at most this many jobs per request with a limit. */
const MAX_PAGE_SIZE = 1000;

/** Declares `job list`. */
export const addJobList = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'list',
    'List jobs, oldest first',
    (builder) =>
      builder
        .option('status', {
          choices: Object.keys(JOB_STATUS_CODES) as JobStatus[],
          describe: 'List only jobs with this status',
        })
        .option('since', {
          type: 'string',
          requiresArg: true,
          describe: 'List only jobs created since then: an age (30m, 12h, 7d) or a date',
        })
        .option('limit', { type: 'string', requiresArg: true, describe: 'List only the N newest jobs' }),
    (options) => choose(options, (context) => listJobs(context, options)),
  );

const listJobs = async (context: CommandContext, options: ListOptions): Promise<number> => {
  const { clock } = context.environment;
  const since = options.since === undefined ? undefined : parseSince(options.since, clock.now());
  const limit = options.limit === undefined ? undefined : parseWholeNumber('--limit', options.limit, 1);
  const jobs = await findJobs(context.client, { status: options.status, since, limit });
  context.writeResult(jobs, () =>
    context.options.quiet ? jobs.map(({ id }) => printable(id)) : renderJobs(context, jobs),
  );
  return EXIT.ok;
};

interface JobFilter {
  readonly status: JobStatus | undefined;
  /** Milliseconds since 1970. */
  readonly since: number | undefined;
  readonly limit: number | undefined;
}

/**
 * Finds jobs, oldest first. Older servers ignore the filters and list all jobs, so the filters are applied here too.
 */
const findJobs = async (
  client: PushJobsClient,
  { status, since, limit }: JobFilter,
): Promise<JobSummary[]> => {
  const filter = omitUndefined({ status, since: since === undefined ? undefined : new Date(since) });
  const requestsNewest = limit !== undefined && limit <= MAX_PAGE_SIZE;
  const { jobs } = unwrap(
    await client.listJobsPage(requestsNewest ? { ...filter, newestFirst: true, limit } : filter),
  );
  const matching = jobs
    .filter((job) => status === undefined || job.status === status)
    .filter((job) => since === undefined || createdAt(job) >= since);
  const oldestFirst = requestsNewest && isNewestFirst(jobs, limit) ? matching.reverse() : matching;
  return limit === undefined ? oldestFirst : oldestFirst.slice(-limit);
};

const createdAt = ({ created_at }: JobSummary): number => parseRfc1123(created_at) ?? 0;

/** Whether the server has applied order and limit; an older server lists all jobs, oldest first. */
const isNewestFirst = (jobs: readonly JobSummary[], limit: number): boolean => {
  const [first, last] = [jobs[0], jobs.at(-1)];
  return (
    jobs.length <= limit && first !== undefined && last !== undefined && createdAt(first) >= createdAt(last)
  );
};

const renderJobs = ({ environment }: CommandContext, jobs: readonly JobSummary[]): string[] => {
  const rows = jobs.map(({ id, status, created_at, command }) => [
    printable(id),
    colourState(environment, environment.stdout, status),
    shortDate(created_at),
    printable(command),
  ]);
  return formatTable([['ID', 'STATUS', 'CREATED', 'COMMAND'], ...rows], terminalWidth(environment.stdout));
};
