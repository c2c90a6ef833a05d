import { JOB_STATUS_CODES, type JobStatus } from '../../protocol/job-status.js';
import type { JobSummary } from '../../protocol/rest-shapes.js';
import { parseRfc1123 } from '../../protocol/wire-time.js';
import type { ChooseCommand } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { readWholeNumber } from '../job-options/number-option.js';
import { readSince } from '../job-options/since.js';
import { printable } from '../output/printable.js';
import { shortDate } from '../output/render-job.js';
import { colourState } from '../output/style.js';
import { cutToWidth, formatTable } from '../output/table.js';
import { unwrap } from '../unwrap.js';

interface ListOptions {
  readonly status: JobStatus | undefined;
  readonly since: string | undefined;
  readonly limit: string | undefined;
}

/** Columns before that of the command: an id, a status, a date, and the gaps. */
const COLUMNS_BEFORE_COMMAND = 32 + 13 + 20 + 6;
const LEAST_COMMAND_COLUMNS = 8;

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
  const { clock, stdout } = context.environment;
  const since = options.since === undefined ? undefined : readSince(options.since, clock.now());
  const limit = options.limit === undefined ? undefined : readWholeNumber('--limit', options.limit, 1);
  const matching = unwrap(await context.client.listJobs())
    .filter(({ status }) => options.status === undefined || status === options.status)
    .filter((job) => since === undefined || (parseRfc1123(job.created_at) ?? 0) >= since);
  const jobs = limit === undefined ? matching : matching.slice(-limit);
  context.writeResult(jobs, () =>
    context.options.quiet
      ? jobs.map(({ id }) => printable(id))
      : renderJobs(context, jobs, stdout.isTTY === true ? stdout.columns : undefined),
  );
  return EXIT.ok;
};

const renderJobs = (
  { environment }: CommandContext,
  jobs: readonly JobSummary[],
  columns: number | undefined,
): string[] => {
  const commandWidth =
    columns === undefined ? Infinity : Math.max(LEAST_COMMAND_COLUMNS, columns - COLUMNS_BEFORE_COMMAND);
  const rows = jobs.map(({ id, status, created_at, command }) => [
    printable(id),
    colourState(environment, environment.stdout, status),
    shortDate(created_at),
    cutToWidth(printable(command), commandWidth),
  ]);
  return formatTable([['ID', 'STATUS', 'CREATED', 'COMMAND'], ...rows]);
};
