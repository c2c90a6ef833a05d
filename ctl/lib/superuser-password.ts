import { readFileSync } from 'node:fs';
import { messageOf } from '../../src/shared/lib/app-error.js';
import type { CommandArguments } from '../command.js';
import { UsageError } from '../../src/shared/lib/usage-error.js';

const NAME = 'db-superuser-password-file';

/** Option that names the file with PostgreSQL's superuser password; a password on the command line would be visible. */
export const PASSWORD_FILE_OPTION = {
  [NAME]: {
    type: 'string',
    describe:
      "File with the password of PostgreSQL's superuser, if the secrets file does not have it; it is not stored",
  },
} as const;

/** Reads the password from the named file; undefined if the option is not given. */
export const superuserPasswordFrom = ({ options }: CommandArguments): string | undefined => {
  const file = options.get(NAME);
  if (typeof file !== 'string') return undefined;
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (thrown) {
    throw new UsageError(`--${NAME}: ${messageOf(thrown)}`);
  }
};
