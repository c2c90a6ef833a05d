import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../lib/app-error.js';

/** The sign that a folder is in use. */
export interface FolderLock {
  release(): void;
}

/** Folders that this process itself holds: after a restart in a container the old process had our number. */
const held = new Set<string>();

/**
 * Claims a folder for this process by the file `server.pid` in it. A file that a killed process left behind is
 * replaced. Throws an AppError that names the process where another one has the folder.
 */
export const lockFolder = (folder: string): FolderLock => {
  const file = join(folder, 'server.pid');
  if (!tryCreate(file)) {
    const owner = ownerOf(file);
    if (held.has(file) || (owner !== process.pid && isAlive(owner))) {
      throw new AppError(
        'database_in_use',
        `the embedded database in ${folder} is in use by process ${owner}: stop that server first, or give each ` +
          `server a folder of its own. If process ${owner} is another program, remove ${file}.`,
      );
    }
    rmSync(file, { force: true });
    if (!tryCreate(file)) return lockFolder(folder); // somebody was quicker
  }
  held.add(file);
  return {
    release: () => {
      held.delete(file);
      rmSync(file, { force: true });
    },
  };
};

const tryCreate = (file: string): boolean => {
  try {
    writeFileSync(file, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (thrown) {
    if (hasCode(thrown, 'EEXIST')) return false;
    throw thrown;
  }
};

/** The process that the file names; NaN where it is empty or vanished meanwhile. */
const ownerOf = (file: string): number => {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return Number.NaN;
    throw thrown;
  }
};

const isAlive = (pid: number): boolean => {
  if (Number.isNaN(pid)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return hasCode(thrown, 'EPERM'); // it lives, but belongs to another user
  }
};

const hasCode = (thrown: unknown, code: string): boolean =>
  thrown instanceof Error && 'code' in thrown && thrown.code === code;
