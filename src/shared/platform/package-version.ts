import { readFileSync } from 'node:fs';
import { z } from 'zod';

const packageSchema = z.object({ name: z.literal('push-jobs'), version: z.string() });

/** The version of this program: that of the package which it is a part of, built or not. */
export const packageVersion = (): string => {
  for (let folder = new URL('../../platform/', import.meta.url); ;) {
    const version = versionIn(folder);
    if (version !== undefined) return version;
    const above = new URL('../../', folder);
    if (above.href === folder.href) throw new Error('push-jobs is not installed with its package.json');
    folder = above;
  }
};

const versionIn = (folder: URL): string | undefined => {
  try {
    return packageSchema.parse(JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'))).version;
  } catch {
    return undefined; // not here: the next folder up is looked at
  }
};
