import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppError, messageOf } from '../../shared/lib/app-error.js';

const MAX_FILE_BYTES = 100_000;

/**
 * A file as a job carries it: `raw:` and its text, or `base64:` where it is no UTF-8 text (or has a NUL, which a job
 * must not have). Throws an AppError that names the file where it cannot be read or is too large.
 */
export const readJobFile = (path: string, cwd: string): string => {
  const bytes = readBytes(path, cwd);
  if (bytes.length > MAX_FILE_BYTES) {
    throw new AppError(
      'file_too_large',
      `${path} has ${bytes.length} bytes; a file that goes with a job may have ${MAX_FILE_BYTES}`,
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
