import { existsSync, readFileSync } from 'node:fs';

/** A node holds one connection of each channel. */
const PER_NODE = 2;

/** For HTTP, feeds, the database and files. */
const FOR_OTHERS = 1000;

const LIMITS_FILE = '/proc/self/limits';

/** How many file descriptors a server needs when this many nodes are connected. */
export const descriptorsNeeded = (nodes: number): number => nodes * PER_NODE + FOR_OTHERS;

/**
 * How many files this process may have open, from the text of Linux' `/proc/self/limits`; undefined where there is no
 * such file, no such line, or no limit.
 */
export const openFilesLimit = (
  text = existsSync(LIMITS_FILE) ? readFileSync(LIMITS_FILE, 'utf8') : '',
): number | undefined => {
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return soft === undefined ? undefined : Number(soft);
};
