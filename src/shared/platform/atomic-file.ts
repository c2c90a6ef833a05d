import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Who may do what with a file. */
export interface FileAccess {
  /** Permission bits, such as 0o600. */
  readonly mode: number;
  /** Undefined: the user who writes the file. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/**
 * Replaces a file in one step: a reader finds the old or the new text complete, also after a power cut. Resolves when the
 * text is on disk. The folder must exist. Rejects with the system error and keeps the old file.
 */
export const writeFileAtomically = async (
  path: string,
  text: string,
  { mode, owner }: FileAccess,
): Promise<void> => {
  const draft = `${path}.${process.pid}.new`;
  try {
    const file = await open(draft, 'w', mode & 0o600); // nobody else reads it before it has its owner
    try {
      await file.writeFile(text);
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (thrown) {
    await rm(draft, { force: true });
    throw thrown;
  }
  if (process.platform !== 'win32') await syncFolder(dirname(path));
};

/** A file's new name is on disk only when its folder is. */
const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
