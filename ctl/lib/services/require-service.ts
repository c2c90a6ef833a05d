import type { CommandArguments } from '../../command.js';
import { SERVICE } from '../paths.js';
import { UsageError } from '../usage-error.js';

/** Sees that the service that was named, if one was, is ours; throws a UsageError. */
export const requireService = ({ words: [name] }: CommandArguments): void => {
  if (name !== undefined && name !== SERVICE) {
    throw new UsageError(`there is no service '${name}' here; there is ${SERVICE}`);
  }
};
