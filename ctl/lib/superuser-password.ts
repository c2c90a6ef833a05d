import { readFileSync } from 'node:fs';
import { messageOf } from '../../src/shared/lib/app-error.js';
import type { CommandArguments } from '../command.js';
import { UsageError } from './usage-error.js';

const NAME = 'db-superuser-password-file';

/** The option by which PostgreSQL's superuser password is given: never on the command line itself. */
export const PASSWORD_FILE_OPTION = {
  [NAME]: {
    type: 'string',
    describe:
      "File with the password of PostgreSQL's superuser, where no secrets file has it; it is not stored",
  },
} as const;

/** The password in the named file; undefined where none was named. */
export const superuserPasswordFrom = ({ options }: CommandArguments): string | undefined => {
  const file = options.get(NAME);
  if (typeof file !== 'string') return undefined;
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (thrown) {
    throw new UsageError(`--${NAME}: ${messageOf(thrown)}`);
  }
};
