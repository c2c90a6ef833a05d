import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { destination } from 'pino';
import { AppError, messageOf } from '../lib/app-error.js';

/** Where a program's log goes. */
export type LogStream = ReturnType<typeof destination>;

/** Bytes of lines that wait where they cannot be written, as on a full disk; those that come then are let go. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Streams whose last write failed. */
const stuck = new Set<LogStream>();
let isExitWatched = false;

/**
 * Opens a log: a descriptor (1, 2) or the path of a file, whose folder is made where it is missing. A program whose
 * log cannot be written goes on without it, and writes again as soon as that is possible. Throws an AppError where the
 * file cannot be opened.
 */
export const openLogStream = (to: number | string): LogStream => {
  if (typeof to === 'string') assertWritable(to);
  const stream = destination({ dest: to, append: true, mkdir: true, maxLength: MAX_WAITING_BYTES });
  stream.on('error', () => stuck.add(stream));
  stream.on('write', () => stuck.delete(stream));
  watchExit();
  return stream;
};

const assertWritable = (path: string): void => {
  try {
    mkdirSync(dirname(path), { recursive: true });
    closeSync(openSync(path, 'a'));
  } catch (thrown) {
    throw new AppError('log_file', `cannot write the log ${path}: ${messageOf(thrown)}`);
  }
};

/** At the end pino writes what still waits, and tries that for ever where it cannot: it must not try it then. */
const watchExit = (): void => {
  if (isExitWatched) return;
  isExitWatched = true;
  process.prependListener('exit', () => {
    for (const stream of stuck) stream.destroy();
  });
};
