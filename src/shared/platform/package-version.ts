import { readFileSync } from 'node:fs';
import { z } from 'zod';

const packageSchema = z.object({ name: z.literal('push-jobs'), version: z.string() });

/** The version of the package that this file belongs to, whether built or not. */
export const packageVersion = (): string => {
  for (let folder = new URL('./', import.meta.url); ;) {
    const version = versionIn(folder);
    if (version !== undefined) return version;
    const parent = new URL('../', folder);
    if (parent.href === folder.href) throw new Error('push-jobs is not installed with its package.json');
    folder = parent;
  }
};

const versionIn = (folder: URL): string | undefined => {
  try {
    return packageSchema.parse(JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'))).version;
  } catch {
    return undefined; // not in this folder; try the one above
  }
};
