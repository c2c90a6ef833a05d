import type { CommandArguments } from '../../command.js';
import { SERVICE } from '../paths.js';
import { UsageError } from '../../../src/shared/lib/usage-error.js';

/** Throws a UsageError if the arguments name a service other than ours. */
export const requireService = ({ positionals: [name] }: CommandArguments): void => {
  if (name !== undefined && name !== SERVICE) {
    throw new UsageError(`unknown service '${name}'; the only one is ${SERVICE}`);
  }
};
