import yargs from 'yargs';
import { AppError, messageOf } from '../src/shared/lib/app-error.js';
import type { Command, CommandArguments } from './command.js';
import { CommandContext, PROGRAM } from './command-context.js';
import { COMMANDS } from './command-list.js';
import type { CtlEnvironment } from './ctl-environment.js';
import { helpOfCommand, helpText } from './help-text.js';
import { EXIT } from './lib/exit-code.js';
import { withExclusiveLock } from './lib/exclusive-lock.js';
import { UsageError } from '../src/shared/lib/usage-error.js';

/** What the user asks for on the command line. */
type Parsed =
  | { readonly kind: 'unknown'; readonly isNamed: boolean }
  | { readonly kind: 'help'; readonly command: Command | undefined }
  | {
      readonly kind: 'command';
      readonly command: Command;
      readonly args: CommandArguments;
      readonly root: string;
    };

/** Runs the program with these arguments (without the program's name) and returns the exit code. Never throws. */
export const runCtl = async (args: readonly string[], environment: CtlEnvironment): Promise<number> => {
  const { stdout, stderr, uid } = environment;
  try {
    const parsed = parseArguments(args);
    if (parsed.kind === 'unknown') {
      stdout.write(`${parsed.isNamed ? "I don't know that command.\n" : ''}${helpText(COMMANDS)}`);
      return EXIT.failed;
    }
    if (parsed.kind === 'help') {
      stdout.write(parsed.command === undefined ? helpText(COMMANDS) : helpOfCommand(parsed.command));
      return EXIT.ok;
    }
    const { command } = parsed;
    if (command.needsRoot && uid !== 0) {
      stderr.write(`${command.name} must be run as root: sudo ${PROGRAM} ${command.name}\n`);
      return EXIT.failed;
    }
    const context = new CommandContext(environment, parsed.root);
    const work = (): Promise<number> => command.run(context, parsed.args);
    return await (command.isExclusive?.(parsed.args) === true
      ? withExclusiveLock(context, command.name, work)
      : work());
  } catch (thrown) {
    stderr.write(`${describe(thrown)}\n`);
    return thrown instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
};

const describe = (thrown: unknown): string => {
  if (thrown instanceof UsageError) return `${thrown.message}\nTry: ${PROGRAM} help`;
  return thrown instanceof AppError ? thrown.message : `internal error in ${PROGRAM}: ${messageOf(thrown)}`;
};

const parseArguments = (args: readonly string[]): Parsed => {
  const named = commandIn(args);
  const command = COMMANDS.find(({ name }) => name === named);
  const wantsHelp = args.some((arg) => arg === '--help' || arg === '-h');
  if (wantsHelp && (named === undefined || command !== undefined)) return { kind: 'help', command };
  if (command === undefined) return { kind: 'unknown', isNamed: named !== undefined };
  const { root, _: words, ...given } = declareOptions(command).parseSync([...args]);
  const rest = words.slice(1).map(String);
  if (rest.length > (command.argument === undefined ? 0 : 1)) {
    throw new UsageError(
      command.argument === undefined
        ? `The command ${command.name} does not accept any arguments`
        : `The command ${command.name} accepts one argument, not ${rest.join(' ')}`,
    );
  }
  const values: Readonly<Record<string, unknown>> = given;
  const options = Object.keys(command.options ?? {}).flatMap((name): [string, string | true][] => {
    const value = values[name];
    return typeof value === 'string' || value === true ? [[name, value]] : [];
  });
  return {
    kind: 'command',
    command,
    args: { positionals: rest, options: new Map(options) },
    root: String(root),
  };
};

/** Finds the first argument that is neither an option nor the value of `--root`. */
const commandIn = (args: readonly string[]): string | undefined =>
  args.find((arg, index) => !arg.startsWith('-') && args[index - 1] !== '--root');

const declareOptions = ({ options = {} }: Command) =>
  yargs()
    .scriptName(PROGRAM)
    .locale('en')
    .option('root', { type: 'string', default: '/', requiresArg: true })
    .options(
      Object.fromEntries(
        Object.entries(options).map(([name, { type }]) => [
          name,
          { type, ...(type === 'string' ? { requiresArg: true } : {}) },
        ]),
      ),
    )
    .strictOptions()
    .exitProcess(false)
    .help(false)
    .version(false)
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'boolean-negation': false,
      'camel-case-expansion': false,
      'duplicate-arguments-array': false,
    })
    .fail((message: string | null, failure: Error | undefined) => {
      throw new UsageError(failure?.message ?? message ?? 'the command line is invalid');
    });
