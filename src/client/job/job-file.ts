import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { messageOf } from '../../shared/lib/app-error.js';
import { err, ok, type Result } from '../../shared/lib/result.js';

/** Whose the file is to be; the client's own user where it is undefined. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

const FILE_PREFIX = 'push-job-';

/** Others may go through the folder, not look into it: a job's user must reach the file. */
const DIRECTORY_MODE = 0o711;

const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

/** The bytes of a job's `file`: `raw:` and text, or `base64:` and base64; undefined where it is neither. */
export const decodeJobFile = (file: string): Buffer | undefined => {
  if (file.startsWith('raw:')) return Buffer.from(file.slice('raw:'.length), 'utf8');
  if (!file.startsWith('base64:')) return undefined;
  const text = file.slice('base64:'.length);
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
};

/**
 * Writes a job's file to a new file of an unguessable name, mode 0600, and hands back its path. The folder is made where
 * it is missing. A folder that others could put files into is refused: they could swap the job's file.
 */
export const writeJobFile = async (
  directory: string,
  content: Buffer,
  owner: FileOwner | undefined,
): Promise<Result<string, string>> => {
  const path = join(directory, `${FILE_PREFIX}${randomUUID()}`);
  try {
    const made = await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    const fault = await directoryFault(directory);
    if (fault !== undefined) return err(fault);
    if (made !== undefined) await chmod(directory, DIRECTORY_MODE); // the umask may have taken some of it
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

const directoryFault = async (directory: string): Promise<string | undefined> => {
  const folder = await lstat(directory);
  if (!folder.isDirectory()) return `file_dir ${directory} is not a folder`;
  const own = process.getuid?.();
  if (own === undefined) return undefined; // Windows: the folder's access list decides
  if (folder.uid !== own && folder.uid !== 0) return `file_dir ${directory} belongs to another user`;
  return (folder.mode & 0o022) === 0
    ? undefined
    : `others can write to file_dir ${directory}; 'chmod go-w ${directory}' mends it`;
};

/** Removes a job's file, if it is still there. */
export const removeJobFile = (path: string): Promise<void> => rm(path, { force: true });

/**
 * Removes job files that are older than `maxAgeMs`, which a client that was killed has left behind; resolves to
 * their number. Only files that a push jobs client made are touched.
 */
export const sweepJobFiles = async (directory: string, maxAgeMs: number, nowMs: number): Promise<number> => {
  const names = (await unlessMissing(readdir(directory))) ?? [];
  let removed = 0;
  for (const name of names.filter((candidate) => /^(?:push-job-|pushy_file)/.test(candidate))) {
    const path = join(directory, name);
    const file = await unlessMissing(lstat(path)); // somebody may remove it meanwhile, such as the job's end
    if (file?.isFile() !== true || nowMs - file.mtimeMs < maxAgeMs) continue;
    await rm(path, { force: true });
    removed++;
  }
  return removed;
};

const unlessMissing = async <T>(looking: Promise<T>): Promise<T | undefined> => {
  try {
    return await looking;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
};
