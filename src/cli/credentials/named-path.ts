import { resolve } from 'node:path';

/**
 * The absolute path of a file that a setting or an option names. A relative one starts from `folder`; `~` alone or
 * before a slash stands for the home folder, as it does for knife: no shell has replaced it in a file.
 */
export const namedPath = (path: string, folder: string, home: string): string =>
  resolve(
    folder,
    path.replace(/^~(?=\/|$)/, () => home),
  );
