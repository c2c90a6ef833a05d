import type { PushJobsClient } from '../../shared/api-client/push-jobs-client.js';
import { given } from '../../shared/lib/omit-undefined.js';
import { JOB_STATUS_CODES, type JobStatus } from '../../shared/protocol/job-status.js';
import type { JobSummary } from '../../shared/protocol/rest-schemas.js';
import { parseRfc1123 } from '../../shared/protocol/wire-time.js';
import type { ChooseCommand } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { readWholeNumber } from '../job-options/number-option.js';
import { readSince } from '../job-options/since.js';
import { printable } from '../output/printable.js';
import { shortDate } from '../output/render-job.js';
import { colourState } from '../output/style.js';
import { formatTable, widthOf } from '../output/table.js';
import { unwrap } from '../unwrap.js';

interface ListOptions {
  readonly status: JobStatus | undefined;
  readonly since: string | undefined;
  readonly limit: string | undefined;
}

/** So many jobs the server gives at once, where a limit is asked for. */
const MAX_PAGE = 1000;

/** Declares `job list`. */
export const addJobList = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'list',
    'List jobs, oldest first',
    (builder) =>
      builder
        .option('status', {
          choices: Object.keys(JOB_STATUS_CODES) as JobStatus[],
          describe: 'Only jobs with this status',
        })
        .option('since', {
          type: 'string',
          requiresArg: true,
          describe: 'Only jobs created since then: 30m, 12h, 7d ago, or a date',
        })
        .option('limit', { type: 'string', requiresArg: true, describe: 'Only so many, the newest' }),
    (options) => choose(options, (context) => listJobs(context, options)),
  );

const listJobs = async (context: CommandContext, options: ListOptions): Promise<number> => {
  const { clock } = context.environment;
  const since = options.since === undefined ? undefined : readSince(options.since, clock.now());
  const limit = options.limit === undefined ? undefined : readWholeNumber('--limit', options.limit, 1);
  const jobs = await findJobs(context.client, { status: options.status, since, limit });
  context.writeResult(jobs, () =>
    context.options.quiet ? jobs.map(({ id }) => printable(id)) : renderJobs(context, jobs),
  );
  return EXIT.ok;
};

interface Wanted {
  readonly status: JobStatus | undefined;
  /** Milliseconds since 1970. */
  readonly since: number | undefined;
  readonly limit: number | undefined;
}

/** The wanted jobs, oldest first. A server of the past knows no filters and lists all jobs, so they are applied here too. */
const findJobs = async (client: PushJobsClient, { status, since, limit }: Wanted): Promise<JobSummary[]> => {
  const filter = given({ status, since: since === undefined ? undefined : new Date(since) });
  const asksForNewest = limit !== undefined && limit <= MAX_PAGE;
  const { jobs } = unwrap(
    await client.listJobsPage(asksForNewest ? { ...filter, newestFirst: true, limit } : filter),
  );
  const matching = jobs
    .filter((job) => status === undefined || job.status === status)
    .filter((job) => since === undefined || createdAt(job) >= since);
  const oldestFirst = asksForNewest && isNewestFirst(jobs, limit) ? matching.reverse() : matching;
  return limit === undefined ? oldestFirst : oldestFirst.slice(-limit);
};

const createdAt = ({ created_at }: JobSummary): number => parseRfc1123(created_at) ?? 0;

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
  return formatTable([['ID', 'STATUS', 'CREATED', 'COMMAND'], ...rows], widthOf(environment.stdout));
};
