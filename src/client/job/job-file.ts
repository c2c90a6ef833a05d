import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { errorCode, messageOf } from '../../shared/lib/app-error.js';
import { err, ok, type Result } from '../../shared/lib/result.js';

/** The user and group that own a job's file. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

const FILE_PREFIX = 'push-job-';

/** Other users can pass through the folder but not list it: a job's user must reach the file. */
const FOLDER_MODE = 0o711;

const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

/** Decodes a job's `file`: `raw:` and text, or `base64:` and base64; undefined if it is invalid. */
export const decodeJobFile = (file: string): Buffer | undefined => {
  if (file.startsWith('raw:')) return Buffer.from(file.slice('raw:'.length), 'utf8');
  if (!file.startsWith('base64:')) return undefined;
  const text = file.slice('base64:'.length);
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
};

/**
 * Writes a job's file to a new file with an unguessable name and mode 0600, and returns its path. A missing folder is
 * created. A folder that other users can write to is an error, because they could replace the file. Without `owner` the
 * file belongs to the client's own user.
 */
export const writeJobFile = async (
  folder: string,
  content: Buffer,
  owner: FileOwner | undefined,
): Promise<Result<string, string>> => {
  const path = join(folder, `${FILE_PREFIX}${randomUUID()}`);
  try {
    const createdFolder = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    const fault = await findFolderFault(folder);
    if (fault !== undefined) return err(fault);
    if (createdFolder !== undefined) await chmod(folder, FOLDER_MODE); // mkdir applied the umask
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(content);
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
    } finally {
      await file.close();
    }
    return ok(path);
  } catch (thrown) {
    await rm(path, { force: true });
    return err(`cannot write the job's file: ${messageOf(thrown)}`);
  }
};

const findFolderFault = async (folder: string): Promise<string | undefined> => {
  const stats = await lstat(folder);
  if (!stats.isDirectory()) return `file_dir ${folder} is not a folder`;
  const ownUid = process.getuid?.();
  if (ownUid === undefined) return undefined; // Windows: access lists decide
  if (stats.uid !== ownUid && stats.uid !== 0) return `file_dir ${folder} belongs to another user`;
  return (stats.mode & 0o022) === 0
    ? undefined
    : `other users can write to file_dir ${folder}; run 'chmod go-w ${folder}'`;
};

/** Removes a job's file if it still exists. */
export const removeJobFile = (path: string): Promise<void> => rm(path, { force: true });

/**
 * Removes job files older than `maxAgeMs`, which a killed client left behind. Resolves to the number of removed files.
 * Only files of this client and of the Ruby client are removed.
 */
export const sweepJobFiles = async (folder: string, maxAgeMs: number, nowMs: number): Promise<number> => {
  const names = (await undefinedIfMissing(readdir(folder))) ?? [];
  let removed = 0;
  for (const name of names.filter((candidate) => /^(?:push-job-|pushy_file)/.test(candidate))) {
    const path = join(folder, name);
    const file = await undefinedIfMissing(lstat(path)); // may be gone meanwhile, for example because its job ended
    if (file?.isFile() !== true || nowMs - file.mtimeMs < maxAgeMs) continue;
    await rm(path, { force: true });
    removed++;
  }
  return removed;
};

const undefinedIfMissing = async <T>(operation: Promise<T>): Promise<T | undefined> => {
  try {
    return await operation;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
};
