import { readFileSync } from 'node:fs';
import { AppError, messageOf } from '../../shared/lib/app-error.js';

/** The text of a file; undefined where there is none. Throws an AppError that names it where it cannot be read. */
export const readIfThere = (file: string, what: string): string | undefined =>
  readBytesIfThere(file, what)?.toString('utf8');

const readBytesIfThere = (file: string, what: string): Buffer | undefined => {
  try {
    return readFileSync(file);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new AppError('file_unreadable', `cannot read ${what} ${file}: ${messageOf(thrown)}`);
  }
};

/** The text of a file that must be there; throws an AppError that names it and `hint` where it is not. */
export const readTextFile = (file: string, what: string, hint: string): string =>
  readNamedFile(file, what, hint).toString('utf8');

/** The bytes of a file that must be there; throws an AppError that names it and `hint` where it is not. */
export const readNamedFile = (file: string, what: string, hint: string): Buffer => {
  const bytes = readBytesIfThere(file, what);
  if (bytes === undefined)
    throw new AppError('file_missing', `there is no file ${file}, ${what} that ${hint} names`);
  return bytes;
};
