/** Reads the scripts that run when a package is installed or removed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Returns the scripts for sh, without a first line: `installed` runs after an installation or upgrade, `removing` before
 * a removal (not before an upgrade), `purged` after a purge.
 * @param {import('./source.mjs').Source} source
 * @param {import('../products.mjs').Product} product
 * @returns {{ installed: string, removing: string, purged: string | undefined }}
 */
export const readScripts = (source, product) => {
  const read = (name) => {
    const file = join(source.folder, 'omnibus', product.folder, `${name}.sh`);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  return { installed: read('installed') ?? '', removing: read('removing') ?? '', purged: read('purged') };
};
