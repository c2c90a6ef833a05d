import { watchFile as pollFile } from 'node:fs';

/** Interval between checks; each check costs one `stat`. */
const POLL_MS = 2000;

/**
 * Calls `changed` when a file has been changed or replaced. It polls, because polling also notices a file that a
 * configuration management tool replaces or that is on a network drive.
 */
export const watchFile = (path: string, changed: () => void): void => {
  pollFile(path, { interval: POLL_MS, persistent: false }, (now, before) => {
    const exists = now.nlink > 0;
    if (exists && (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size))
      changed();
  });
};
