import { watchFile as pollFile } from 'node:fs';

/** How often it is looked whether the file has changed, in milliseconds: costs one `stat` each. */
const POLL_MS = 2000;

/**
 * Calls `changed` when a file has been changed or replaced. It is looked for by asking, which also sees a file that a
 * configuration management tool puts in the place of the old one, or that lies on a network drive.
 */
export const watchFile = (path: string, changed: () => void): void => {
  pollFile(path, { interval: POLL_MS, persistent: false }, (now, before) => {
    const isThere = now.nlink > 0;
    if (isThere && (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size))
      changed();
  });
};
