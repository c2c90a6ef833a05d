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

/** What stands behind the command's name on the command line. */
export interface CommandArguments {
  /** Words that are no options. */
  readonly words: readonly string[];
  /** Options with their values, as declared: `true` of a boolean one. */
  readonly options: ReadonlyMap<string, string | true>;
}

/** One command of the program. */
export interface Command {
  readonly name: string;
  readonly group: keyof typeof GROUPS;
  /** One sentence for the help. */
  readonly summary: string;
  /** The word that may follow, for the usage line; without it, words are refused. */
  readonly word?: string;
  readonly options?: Readonly<Record<string, CommandOption>>;
  readonly needsRoot: boolean;
  /**
   * Whether this run changes settings, keys, tables or the service's definition; of such there is one at a time on a
   * machine. Those that look, stop or start need not wait.
   */
  readonly isExclusive?: (args: CommandArguments) => boolean;
  /** Runs it and gives the exit code; an AppError that it throws is shown to the user. */
  run(context: CommandContext, args: CommandArguments): Promise<number>;
}
