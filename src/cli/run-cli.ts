import { ApiError } from '../shared/api-client/api-error.js';
import { AppError, messageOf } from '../shared/lib/app-error.js';
import type { CliEnvironment } from './cli-environment.js';
import { type ChooseCommand, CommandContext, type RunCommand } from './command-context.js';
import { declareCommands } from './declare-commands.js';
import { EXIT } from './exit-code.js';
import type { GlobalOptions } from './global-options.js';
import { markLiteralArguments } from './double-dash.js';
import { printableLines } from './output/printable.js';
import { columnsOf } from './output/terminal.js';
import { UsageError } from '../shared/lib/usage-error.js';

/** A parsed command line: text to show (help, version), or a command to run. */
type Parsed =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'command'; readonly run: RunCommand; readonly options: GlobalOptions };

/** Runs the program with these arguments (without the program name) and resolves to its exit code; never throws. */
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
    environment.stderr.write(`ERROR: ${printableLines(describeError(thrown, context))}\n`);
    return exitCodeFor(thrown);
  } finally {
    await context?.close();
  }
};

const exitCodeFor = (thrown: unknown): number => {
  if (thrown instanceof UsageError) return EXIT.usage;
  const isInterrupted = thrown instanceof ApiError && thrown.code === 'aborted';
  return isInterrupted ? EXIT.interrupted : EXIT.failed;
};

const describeError = (thrown: unknown, context: CommandContext | undefined): string => {
  if (thrown instanceof UsageError) return `${thrown.message}\nTry: push-jobs --help`;
  if (!(thrown instanceof AppError)) return `internal error in push-jobs: ${messageOf(thrown)}`;
  const advice = thrown instanceof ApiError ? adviceFor(thrown, context) : undefined;
  return advice === undefined ? thrown.message : `${thrown.message}\n${advice}`;
};

const adviceFor = (error: ApiError, context: CommandContext | undefined): string | undefined => {
  const connection = context?.connectionDescription;
  if (error.code === 'unauthorized' && connection !== undefined) return `Connection settings: ${connection}`;
  return error.code === 'unreachable' && /certificate/i.test(error.message)
    ? 'If you trust this server, put its certificate into the folder trusted_certs next to your credentials file'
    : undefined;
};

const MAX_HELP_WIDTH = 100;

const parseArguments = (args: readonly string[], { stdout }: CliEnvironment): Parsed => {
  let parsed: Parsed = { kind: 'text', text: '' };
  const choose: ChooseCommand = (options, run) => (parsed = { kind: 'command', options, run });
  const parser = declareCommands(choose).wrap(Math.min(MAX_HELP_WIDTH, columnsOf(stdout) ?? MAX_HELP_WIDTH));
  parser.parseSync(markLiteralArguments(args), {}, (_failure, _parsed, text) => {
    if (text !== '') parsed = { kind: 'text', text };
  });
  return parsed;
};
