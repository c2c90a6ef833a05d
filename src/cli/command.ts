import type { CommandContext } from './command-context.js';
import type { GlobalOptions } from './global-options.js';

/** Runs a command to its end and gives the exit code; an AppError that it throws is shown to the user. */
export type RunCommand = (context: CommandContext) => Promise<number>;

/** A command calls this from its handler: parsing comes first, running after it. */
export type ChooseCommand = (options: GlobalOptions, run: RunCommand) => void;
