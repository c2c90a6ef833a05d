import type { CommandContext } from './command-context.js';

/** The headings of the help. */
export const GROUPS = {
  general: 'General Commands:',
  services: 'Service Management Commands:',
} as const;

/** An option of one command. */
export interface CommandOption {
  readonly type: 'boolean' | 'string';
  readonly describe: string;
}

/** The arguments after the command's name. */
export interface CommandArguments {
  /** Arguments that are not options. */
  readonly positionals: readonly string[];
  /** Options that were given, with their values; `true` for a boolean option. */
  readonly options: ReadonlyMap<string, string | true>;
}

/** One command of the program. */
export interface Command {
  readonly name: string;
  readonly group: keyof typeof GROUPS;
  /** One sentence for the help. */
  readonly summary: string;
  /** Name of the optional argument, for the usage line; a command without it accepts no arguments. */
  readonly argument?: string;
  readonly options?: Readonly<Record<string, CommandOption>>;
  readonly needsRoot: boolean;
  /**
   * Whether this run changes settings, keys, tables or the service's definition. Only one exclusive run at a time may work
   * on a machine. Commands that only read, stop or start do not wait.
   */
  readonly isExclusive?: (args: CommandArguments) => boolean;
  /** Runs the command and returns the exit code. The message of an AppError is shown to the user. */
  run(context: CommandContext, args: CommandArguments): Promise<number>;
}
