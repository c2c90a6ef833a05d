import { readFileSync } from 'node:fs';
import { AppError, messageOf } from '../../lib/app-error.js';

/** The text of a file; undefined where there is none. Throws an AppError that names it where it cannot be read. */
export const readIfThere = (file: string, what: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new AppError('file_unreadable', `cannot read ${what} ${file}: ${messageOf(thrown)}`);
  }
};

/** The text of a file that must be there; throws an AppError that names it and `hint` where it is not. */
export const readTextFile = (file: string, what: string, hint: string): string => {
  const text = readIfThere(file, what);
  if (text === undefined)
    throw new AppError('file_missing', `there is no file ${file}, ${what} that ${hint} names`);
  return text;
};
