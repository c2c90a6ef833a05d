/** Fetches the Node.js of the packages: the npm registry's binary, verified by the hash in runtime/package-lock.json. */
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

/**
 * @typedef {object} Runtime
 * @property {string} node the binary, without debug symbols
 * @property {string} license the text of its license
 * @property {string} version
 */

/**
 * Fetches Node.js, or reuses that of an earlier build of the same commit in the work folder.
 * @param {import('./source.mjs').Source} source
 * @param {import('./architecture.mjs').Architecture} architecture
 * @param {string} work the work folder of builds
 * @returns {Runtime}
 */
export const fetchRuntime = (source, architecture, work) => {
  const folder = join(work, `runtime-${architecture.npm}-${source.commit}`);
  if (!existsSync(folder)) fetchInto(folder, source, architecture, mkdtempSync(join(work, 'draft-')));
  const from = join(folder, 'node_modules', packageFor(architecture));
  return {
    node: join(folder, 'node'),
    license: join(from, 'LICENSE'),
    version: JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')).version,
  };
};

const packageFor = ({ npm }) => `node-linux-${npm}`;

const fetchInto = (folder, source, architecture, draft) => {
  cpSync(join(source.folder, 'omnibus', 'runtime'), draft, { recursive: true });
  run(
    ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--os=linux', `--cpu=${architecture.npm}`],
    {
      cwd: draft,
    },
  );
  const binary = join(draft, 'node_modules', packageFor(architecture), 'bin', 'node');
  run([architecture.strip, '--strip-unneeded', '-o', join(draft, 'node'), binary]);
  renameSync(draft, folder);
};
