import { existsSync, readFileSync } from 'node:fs';

/** A node holds one connection of each channel. */
const PER_NODE = 2;

/** While two Curve keys count, the one of the command channel comes by a front: that takes two more. */
const PER_NODE_WITH_FRONT = 4;

/** For HTTP, feeds, the database and files. */
const FOR_OTHERS = 1000;

const LIMITS_FILE = '/proc/self/limits';

/** How many file descriptors a server needs when this many nodes are connected, with one Curve key or with two. */
export const descriptorsNeeded = (nodes: number, withFront: boolean): number =>
  nodes * (withFront ? PER_NODE_WITH_FRONT : PER_NODE) + FOR_OTHERS;

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
