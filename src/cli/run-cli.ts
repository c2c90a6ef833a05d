import yargs from 'yargs';
import { ApiError } from '../api-client/api-error.js';
import { AppError, messageOf } from '../lib/app-error.js';
import type { CliEnvironment } from './cli-environment.js';
import type { ChooseCommand, RunCommand } from './command.js';
import { CommandContext } from './command-context.js';
import { addJobList } from './commands/job-list.js';
import { addJobOutput } from './commands/job-output.js';
import { addJobStart } from './commands/job-start.js';
import { addJobStatus } from './commands/job-status.js';
import { addJobWatch } from './commands/job-watch.js';
import { addNodeStatus } from './commands/node-status.js';
import { EXIT } from './exit-code.js';
import { addGlobalOptions, type GlobalArgv, type GlobalOptions } from './global-options.js';
import { UsageError } from './usage-error.js';
import { readVersion } from './version.js';

/** What a command line asks for: text to show, or a command to run with the options that all commands have. */
type Parsed =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'command'; readonly run: RunCommand; readonly options: GlobalOptions };

/** Runs the program with these arguments (without its own name) and gives its exit code; it never throws. */
export const runCli = async (args: readonly string[], environment: CliEnvironment): Promise<number> => {
  let context: CommandContext | undefined;
  try {
    const parsed = parseArguments(args, environment);
    if (parsed.kind === 'text') {
      environment.stdout.write(`${parsed.text}\n`);
      return EXIT.ok;
    }
    context = new CommandContext(environment, parsed.options);
    return await parsed.run(context);
  } catch (thrown) {
    environment.stderr.write(`ERROR: ${describe(thrown, context)}\n`);
    return thrown instanceof UsageError ? EXIT.usage : EXIT.failed;
  } finally {
    await context?.close();
  }
};

const describe = (thrown: unknown, context: CommandContext | undefined): string => {
  if (thrown instanceof UsageError) return `${thrown.message}\nTry: push-jobs --help`;
  if (!(thrown instanceof AppError)) return `this is a fault of push-jobs itself: ${messageOf(thrown)}`;
  const advice = thrown instanceof ApiError ? adviceFor(thrown, context) : undefined;
  return advice === undefined ? thrown.message : `${thrown.message}\n${advice}`;
};

const adviceFor = (error: ApiError, context: CommandContext | undefined): string | undefined => {
  const connection = context?.connectionDescription;
  if (error.code === 'unauthorized' && connection !== undefined) return `It was asked with: ${connection}`;
  return error.code === 'unreachable' && /certificate/i.test(error.message)
    ? 'If you trust this server, put its certificate into the folder trusted_certs beside your credentials'
    : undefined;
};

const WIDEST_HELP = 100;

const parseArguments = (args: readonly string[], { stdout }: CliEnvironment): Parsed => {
  let parsed: Parsed = { kind: 'text', text: '' };
  const choose: ChooseCommand = (options, run) => (parsed = { kind: 'command', options, run });
  const parser = declareCommands(choose).wrap(Math.min(WIDEST_HELP, stdout.columns ?? WIDEST_HELP));
  parser.parseSync([...args], {}, (_failure, _parsed, text) => {
    if (text !== '') parsed = { kind: 'text', text };
  });
  return parsed;
};

const declareCommands = (choose: ChooseCommand): GlobalArgv =>
  addGlobalOptions(yargs().scriptName('push-jobs').locale('en'))
    .usage('$0 COMMAND: run jobs on the nodes of a Chef Server now')
    .command('job', 'Start jobs and look at them', (job) => {
      addJobStart(job, choose);
      addJobWatch(job, choose);
      addJobStatus(job, choose);
      addJobList(job, choose);
      addJobOutput(job, choose);
      return job.demandCommand(1, 'say what to do: push-jobs job start, watch, status, list or output');
    })
    .command('node', 'Look at nodes', (node) =>
      addNodeStatus(node, choose).demandCommand(1, 'say what to do: push-jobs node status'),
    )
    .demandCommand(1, 'say what to do: push-jobs job, or push-jobs node')
    .epilogue(
      'The server and the user come from ~/.chef/credentials, or from --server-url, --user and --key.',
    )
    .strict()
    .recommendCommands()
    .exitProcess(false)
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'boolean-negation': false,
    })
    .check((parsed) => {
      const twice = Object.entries(parsed).find(([name, value]) => Array.isArray(value) && !MANY.has(name));
      if (twice !== undefined) throw new UsageError(`--${twice[0]} was given more than once`);
      return true;
    })
    .version(readVersion())
    .help()
    .fail((message: string | null, failure: Error | undefined) => {
      if (failure !== undefined && failure.name !== 'YError') throw failure; // yargs names its own so
      throw new UsageError(failure?.message ?? message ?? 'the command line was not understood');
    });

/** What may come several times. */
const MANY: ReadonlySet<string> = new Set(['_', 'nodes']);
