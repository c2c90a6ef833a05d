/** The Node.js that goes into a package: the npm registry's binary, checked against the hash in runtime/package-lock.json. */
import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

/**
 * @typedef {object} Runtime
 * @property {string} node the binary, without its symbols for debuggers
 * @property {string} license the text of its license
 * @property {string} version
 */

/**
 * Fetches it.
 * @param {import('./source.mjs').Source} source
 * @param {import('./architecture.mjs').Architecture} architecture
 * @param {string} work folder for folders like this one's
 * @returns {Runtime}
 */
export const fetchRuntime = (source, architecture, work) => {
  const folder = mkdtempSync(join(work, 'runtime-'));
  cpSync(join(source.folder, 'omnibus', 'runtime'), folder, { recursive: true });
  run(
    ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--os=linux', `--cpu=${architecture.npm}`],
    {
      cwd: folder,
    },
  );
  const from = join(folder, 'node_modules', `node-linux-${architecture.npm}`);
  const node = join(folder, 'node');
  run([architecture.strip, '--strip-unneeded', '-o', node, join(from, 'bin', 'node')]);
  return {
    node,
    license: join(from, 'LICENSE'),
    version: JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')).version,
  };
};
