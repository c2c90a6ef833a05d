import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** A user by numbers. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Who may do what with a file or folder. */
export interface Access {
  /** Permission bits, such as 0o600. */
  readonly mode: number;
  /** Undefined leaves it to whoever creates it. */
  readonly owner?: Owner;
}

/** What was found different; empty where all was right already. */
type Changes = string[];

const PERMISSIONS = 0o7777;

/** The text of a file; undefined where there is none. */
export const readIfThere = (file: string): string | undefined =>
  existsSync(file) ? readFileSync(file, 'utf8') : undefined;

/** Sees that a folder is there with this owner and mode; says what it did. */
export const ensureFolder = (folder: string, access: Access): Changes => {
  if (existsSync(folder)) return ensureAccess(folder, access);
  mkdirSync(folder, { recursive: true, mode: access.mode });
  ensureAccess(folder, access);
  return [`made ${folder}`];
};

/**
 * Sees that the plain files in a folder are this user's; says what it did. The user may write in there: so no link is
 * followed, and a file with a second name elsewhere stays as it is.
 */
export const ensureOwnerOfFiles = (folder: string, { uid, gid }: Owner): Changes => {
  const strange = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => {
      const is = lstatSync(path, { throwIfNoEntry: false });
      return is?.isFile() === true && is.nlink === 1 && is.uid !== uid;
    });
  for (const file of strange) lchownSync(file, uid, gid);
  return strange.map((file) => `changed the owner of ${file}`);
};

/** Sees that a file has this text, owner and mode, by replacing it in one step; says what it did. */
export const ensureFile = (file: string, text: string, access: Access): Changes => {
  const before = readIfThere(file);
  if (before === text) return ensureAccess(file, access);
  writeAtomically(file, text, access);
  return [`${before === undefined ? 'wrote' : 'changed'} ${file}`];
};

/** Replaces a file in one step, so that nobody ever sees half of it; it is on disk when this returns. */
export const writeAtomically = (file: string, text: string, { mode, owner }: Access): void => {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.new`;
  const descriptor = openSync(draft, 'w', mode & 0o600);
  try {
    writeFileSync(descriptor, text);
    if (owner !== undefined) fchownSync(descriptor, owner.uid, owner.gid);
    fchmodSync(descriptor, mode);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
};

/** The owner of a file; undefined where there is none. */
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
