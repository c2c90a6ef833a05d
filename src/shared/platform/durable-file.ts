import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a file in one step: whoever reads it, also after a power cut, finds the old or the new text whole. It is
 * on the disk when this resolves. The folder must be there. Rejects with the system's error; the old file stays then.
 */
export const writeDurably = async (path: string, text: string, mode: number): Promise<void> => {
  const draft = `${path}.new`;
  try {
    const file = await open(draft, 'w', mode);
    try {
      await file.chmod(mode); // the mode of `open` is for files that it makes
      await file.writeFile(text);
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

/** The new name of a file is on the disk when its folder is. */
const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
