import { AppError } from '../../shared/lib/app-error.js';
import type { ChooseCommand, CommandContext } from '../command-context.js';
import type { GlobalArgv } from '../global-options.js';
import { parseJobEnv } from '../job-options/job-env.js';
import { readJobFile } from '../job-options/job-file.js';
import { parseWholeNumber } from '../job-options/number-option.js';
import { printable } from '../output/printable.js';
import { addRunOptions, type RunOptions } from '../run-options.js';
import { parseRunPlan } from '../run/run-plan.js';
import { type JobFields, runJob } from '../run/run-job.js';
import { unwrap } from '../unwrap.js';
import { UsageError } from '../../shared/lib/usage-error.js';

interface StartOptions extends RunOptions {
  readonly command: string | undefined;
  readonly nodes: readonly string[];
  readonly search: string | undefined;
  readonly timeout: string | undefined;
  readonly capture: boolean;
  readonly file: string | undefined;
  readonly withEnv: string | undefined;
  readonly asUser: string | undefined;
  readonly inDir: string | undefined;
}

const NO_NODES = 'No nodes to run job on. Specify nodes as arguments or use -s to specify a search query.';

const EPILOGUE = [
  'Exit codes: 0 if the job is complete and no node that took part failed (unavailable nodes and nodes that declined do',
  'not count as failed; the quorum limits their number), or with --nowait if the job is started; 1 otherwise;',
  '2 if the command line is invalid; 130 after Ctrl-C, which leaves the job running; 141 if the reader of the output',
  'closes it (SIGPIPE).',
  'With --batch, 0 if this is true for every batch. If the quorum of a batch fails or its job is aborted, no further',
  'batch is started, whatever --max-failures says. A quorum N larger than the batch means all nodes of the batch.',
].join(' ');

/** Declares `job start`. */
export const addJobStart = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'start [command] [nodes..]',
    'Run a command on nodes and wait until it ends',
    (builder) =>
      addRunOptions(builder)
        .positional('command', { type: 'string', describe: 'Name of a job in the whitelist of the nodes' })
        .positional('nodes', { type: 'string', array: true, default: [], describe: 'Names of nodes' })
        .option('search', {
          alias: 's',
          type: 'string',
          requiresArg: true,
          describe: 'Run on the nodes that match this Chef search query',
        })
        .option('timeout', {
          type: 'string',
          requiresArg: true,
          describe: 'Maximum run time in seconds (default: the default of the server, usually 3600)',
        })
        .option('capture', { type: 'boolean', default: false, describe: 'Keep the output on the server' })
        .option('file', {
          type: 'string',
          requiresArg: true,
          describe: 'File to send to the nodes; the command finds its path in CHEF_PUSH_JOB_FILE',
        })
        .option('with-env', {
          type: 'string',
          requiresArg: true,
          describe: 'Environment variables as JSON, for example {"NAME": "value"}',
        })
        .option('as-user', { type: 'string', requiresArg: true, describe: 'Run the command as this user' })
        .option('in-dir', { type: 'string', requiresArg: true, describe: 'Run the command in this folder' })
        .epilogue(EPILOGUE),
    (options) => choose(options, (context) => runJobStart(context, options)),
  );

/** Validates all options before the first request to the server. */
const runJobStart = async (context: CommandContext, options: StartOptions): Promise<number> => {
  const fields = readFields(context, options);
  const plan = parseRunPlan(options);
  return runJob(context, fields, await findNodes(context, options), plan);
};

const readFields = (context: CommandContext, options: StartOptions): JobFields => {
  const { command, timeout, file, withEnv, asUser, inDir } = options;
  const { cwd } = context.environment;
  if (command === undefined || command === '') throw new AppError('no_command', 'No job specified.');
  return {
    command,
    ...(timeout === undefined ? {} : { run_timeout: parseWholeNumber('--timeout', timeout, 0) }),
    ...(file === undefined ? {} : { file: readJobFile(file, cwd) }),
    ...(withEnv === undefined ? {} : { env: parseJobEnv(withEnv) }),
    ...(asUser === undefined ? {} : { user: asUser }),
    ...(inDir === undefined ? {} : { dir: inDir }),
    ...(options.capture ? { capture_output: true } : {}),
  };
};

const findNodes = async (
  context: CommandContext,
  { nodes, search }: StartOptions,
): Promise<readonly string[]> => {
  if (search === undefined) {
    if (nodes.length === 0) throw new AppError('no_nodes', NO_NODES);
    return [...new Set(nodes)];
  }
  if (nodes.length > 0) throw new UsageError('use either node names or --search, not both');
  const matches = unwrap(await context.client.searchNodes(search));
  if (matches.length === 0)
    throw new AppError('no_nodes', `The search '${printable(search)}' found no nodes. ${NO_NODES}`);
  return matches;
};
