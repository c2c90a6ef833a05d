import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type FileAccess, writeFileAtomically } from '../../src/shared/platform/atomic-file.js';

/** Numeric user and group of a file. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Who may do what with a file or folder. */
export type Access = FileAccess;

/** One line per change; empty if nothing had to change. */
type Changes = string[];

const PERMISSIONS = 0o7777;

/** Returns the text of a file, or undefined if it does not exist. */
export const readIfExists = (file: string): string | undefined =>
  existsSync(file) ? readFileSync(file, 'utf8') : undefined;

/** Ensures that a folder exists with this owner and mode. */
export const ensureFolder = (folder: string, access: Access): Changes => {
  if (existsSync(folder)) return ensureAccess(folder, access);
  mkdirSync(folder, { recursive: true, mode: access.mode });
  ensureAccess(folder, access);
  return [`created ${folder}`];
};

/**
 * Ensures that the regular files in a folder belong to this user. The user may write into the folder, so links are not
 * followed, and files with several hard links are skipped.
 */
export const ensureFileOwners = (folder: string, { uid, gid }: Owner): Changes => {
  const foreign = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => {
      const is = lstatSync(path, { throwIfNoEntry: false });
      return is?.isFile() === true && is.nlink === 1 && is.uid !== uid;
    });
  for (const file of foreign) lchownSync(file, uid, gid);
  return foreign.map((file) => `changed the owner of ${file}`);
};

/** Ensures that a file has this text, owner and mode; replaces it atomically. */
export const ensureFile = async (file: string, text: string, access: Access): Promise<Changes> => {
  const before = readIfExists(file);
  if (before === text) return ensureAccess(file, access);
  await writeAtomically(file, text, access);
  return [`${before === undefined ? 'wrote' : 'changed'} ${file}`];
};

/** Replaces a file in one step, and makes its folder if that is missing; the text is on disk when this resolves. */
export const writeAtomically = async (file: string, text: string, access: Access): Promise<void> => {
  mkdirSync(dirname(file), { recursive: true });
  await writeFileAtomically(file, text, access);
};

/** Returns the owner of a file, or undefined if the file does not exist. */
export const ownerOf = (file: string): Owner | undefined => {
  if (!existsSync(file)) return undefined;
  const { uid, gid } = statSync(file);
  return { uid, gid };
};

const ensureAccess = (path: string, { mode, owner }: Access): Changes => {
  const is = statSync(path);
  const changes: Changes = [];
  if (owner !== undefined && (is.uid !== owner.uid || is.gid !== owner.gid)) {
    chownSync(path, owner.uid, owner.gid);
    changes.push(`changed the owner of ${path}`);
  }
  if ((is.mode & PERMISSIONS) !== mode) {
    chmodSync(path, mode);
    changes.push(`changed the mode of ${path} to ${mode.toString(8)}`);
  }
  return changes;
};
