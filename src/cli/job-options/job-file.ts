import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppError, messageOf } from '../../shared/lib/app-error.js';

const MAX_FILE_BYTES = 100_000;

/**
 * Reads a file for a job and returns it as `raw:` and its text, or as `base64:` if it is not valid UTF-8 or contains a
 * NUL. Throws an AppError if the file cannot be read or is too large.
 */
export const readJobFile = (path: string, cwd: string): string => {
  const bytes = readBytes(path, cwd);
  if (bytes.length > MAX_FILE_BYTES) {
    throw new AppError(
      'file_too_large',
      `${path} has ${bytes.length} bytes; the file of a job may have at most ${MAX_FILE_BYTES}`,
    );
  }
  const isText = isUtf8(bytes) && !bytes.includes(0);
  return isText ? `raw:${bytes.toString('utf8')}` : `base64:${bytes.toString('base64')}`;
};

const readBytes = (path: string, cwd: string): Buffer => {
  try {
    return readFileSync(resolve(cwd, path));
  } catch (thrown) {
    throw new AppError('file_unreadable', `cannot read the file ${path}: ${messageOf(thrown)}`);
  }
};
