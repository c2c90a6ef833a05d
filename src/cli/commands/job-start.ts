import { AppError } from '../../shared/lib/app-error.js';
import type { ChooseCommand } from '../command.js';
import type { CommandContext } from '../command-context.js';
import type { GlobalArgv } from '../global-options.js';
import { readJobEnv } from '../job-options/job-env.js';
import { readJobFile } from '../job-options/job-file.js';
import { readWholeNumber } from '../job-options/number-option.js';
import { printable } from '../output/printable.js';
import { addRunOptions, readRunPlan, type RunOptions } from '../run/run-plan.js';
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
  'Exit codes: 0 where the job is complete and no node that took part failed (nodes that were unavailable or refused',
  'to take part do not count: that is what the quorum is for), or with --nowait once it is started; 1 otherwise;',
  '2 where the command line is not understood; 130 after Ctrl-C, which leaves the job running, and 141 where nobody',
  'reads on what it prints, as with SIGPIPE.',
  'With --batch, 0 where that holds for every batch. A batch whose quorum fails or whose job is aborted is the last one,',
  'whatever --max-failures says; a quorum N that is larger than a batch asks for all of the batch.',
].join(' ');

/** Declares `job start`. */
export const addJobStart = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'start [command] [nodes..]',
    'Run a command on nodes and wait for its end',
    (builder) =>
      addRunOptions(builder)
        .positional('command', { type: 'string', describe: 'Name of a job in the whitelist of the nodes' })
        .positional('nodes', { type: 'string', array: true, default: [], describe: 'Names of nodes' })
        .option('search', {
          alias: 's',
          type: 'string',
          requiresArg: true,
          describe: 'Run on the nodes that this Chef search finds',
        })
        .option('timeout', {
          type: 'string',
          requiresArg: true,
          describe: 'Seconds that it may run (default: what the server has, as a rule 3600)',
        })
        .option('capture', { type: 'boolean', default: false, describe: 'Keep the output on the server' })
        .option('file', {
          type: 'string',
          requiresArg: true,
          describe: 'Send this file along; its path is in CHEF_PUSH_JOB_FILE there',
        })
        .option('with-env', {
          type: 'string',
          requiresArg: true,
          describe: 'Environment variables: JSON like {"NAME": "value"}',
        })
        .option('as-user', { type: 'string', requiresArg: true, describe: 'Run it as this user' })
        .option('in-dir', { type: 'string', requiresArg: true, describe: 'Run it in this folder' })
        .epilogue(EPILOGUE),
    (options) => choose(options, (context) => startJob(context, options)),
  );

/** What is wrong with the options is found before the server is asked anything. */
const startJob = async (context: CommandContext, options: StartOptions): Promise<number> => {
  const fields = readFields(context, options);
  const plan = readRunPlan(options);
  return runJob(context, fields, await findNodes(context, options), plan);
};

const readFields = (context: CommandContext, options: StartOptions): JobFields => {
  const { command, timeout, file, withEnv, asUser, inDir } = options;
  const { cwd } = context.environment;
  if (command === undefined || command === '') throw new AppError('no_command', 'No job specified.');
  return {
    command,
    ...(timeout === undefined ? {} : { run_timeout: readWholeNumber('--timeout', timeout, 0) }),
    ...(file === undefined ? {} : { file: readJobFile(file, cwd) }),
    ...(withEnv === undefined ? {} : { env: readJobEnv(withEnv) }),
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
  if (nodes.length > 0) throw new UsageError('give either names of nodes or --search, not both');
  const found = unwrap(await context.client.searchNodes(search));
  if (found.length === 0)
    throw new AppError('no_nodes', `The search '${printable(search)}' found no nodes. ${NO_NODES}`);
  return found;
};
