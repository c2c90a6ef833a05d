import { readFileSync } from 'node:fs';
import { z } from 'zod';

const packageSchema = z.object({ name: z.literal('push-jobs'), version: z.string() });

/** The version of this program, from the package.json that it lies below, built or not. */
export const readVersion = (): string => {
  for (let folder = new URL('./', import.meta.url); ; folder = new URL('../', folder)) {
    const version = versionIn(folder);
    if (version !== undefined) return version;
    if (folder.pathname === '/') throw new Error('push-jobs is not installed with its package.json');
  }
};

const versionIn = (folder: URL): string | undefined => {
  try {
    return packageSchema.parse(JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'))).version;
  } catch {
    return undefined; // not here: the next folder up is looked at
  }
};
