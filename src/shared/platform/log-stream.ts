import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { destination } from 'pino';
import { AppError, messageOf } from '../lib/app-error.js';

/** The destination of a program's log. */
export type LogStream = ReturnType<typeof destination>;

/** Buffer for lines that cannot be written, for example on a full disk; when it is full, new lines are dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Streams whose last write failed. */
const stuck = new Set<LogStream>();
let isExitWatched = false;

/**
 * Opens a log: a descriptor (1, 2) or the path of a file, whose folder is created if it is missing. If writing fails
 * later, the program continues, and lines are written again as soon as that is possible. Throws an AppError if the file
 * cannot be opened.
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

/** At exit pino retries to write the buffered lines forever if writing fails, so stuck streams are destroyed first. */
const watchExit = (): void => {
  if (isExitWatched) return;
  isExitWatched = true;
  process.prependListener('exit', () => {
    for (const stream of stuck) stream.destroy();
  });
};
