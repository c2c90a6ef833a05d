import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The user's key where no source names one: `USER.pem`, else `user.pem`, each looked for in these folders in turn;
 * undefined where there is none. A user's name that is no file's name has no such key.
 */
export const findDefaultKey = (user: string, folders: readonly string[]): string | undefined =>
  [...(/[/\0]/.test(user) ? [] : [`${user}.pem`]), 'user.pem']
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((file) => existsSync(file));
