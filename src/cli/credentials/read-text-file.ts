import { readFileSync } from 'node:fs';
import { AppError, errorCode, messageOf } from '../../shared/lib/app-error.js';

/** Returns the text of a file, or undefined if there is no such file; throws an AppError if it cannot be read. */
export const readTextIfPresent = (file: string, what: string): string | undefined =>
  readBytesIfPresent(file, what)?.toString('utf8');

const readBytesIfPresent = (file: string, what: string): Buffer | undefined => {
  try {
    return readFileSync(file);
  } catch (thrown) {
    const code = errorCode(thrown);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new AppError('file_unreadable', `cannot read ${what} ${file}: ${messageOf(thrown)}`);
  }
};

/** Returns the text of a file; throws an AppError if there is no such file or it cannot be read. */
export const readRequiredText = (file: string, what: string, source: string): string =>
  readRequiredBytes(file, what, source).toString('utf8');

/**
 * Returns the bytes of a file that is set in `source`; throws an AppError if there is no such file or it cannot be
 * read.
 */
export const readRequiredBytes = (file: string, what: string, source: string): Buffer => {
  const bytes = readBytesIfPresent(file, what);
  if (bytes === undefined)
    throw new AppError('file_missing', `${what} ${file} does not exist; it is set in ${source}`);
  return bytes;
};
