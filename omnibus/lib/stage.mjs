/** Lays out the files of a package below a folder, as on the machine below its root. */
import { chmodSync, copyFileSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { copyrightOf } from './copyright.mjs';
import { isNeededOf } from './prune.mjs';
import { run } from './run.mjs';
import { traceImports } from './trace.mjs';

/**
 * @typedef {object} Build input of all formats of one package
 * @property {import('../products.mjs').Product} product
 * @property {import('./source.mjs').Source} source
 * @property {import('./runtime.mjs').Runtime} runtime
 * @property {import('./architecture.mjs').Architecture} architecture
 * @property {string} version of the package
 */

/**
 * Lays out a package. File modes do not depend on the user who builds; the package formats set times and owners.
 * @param {Build} build
 * @param {string} root a folder that does not exist yet
 */
export const stage = (build, root) => {
  const { product, source, runtime, architecture } = build;
  const home = join(root, 'opt', product.name);
  const { files, packages } = traceImports(source, [...Object.values(product.programs), ...product.started]);
  for (const file of files) put(join(source.folder, file), join(home, file));
  for (const path of packages) copyPackage(source, path, architecture, home);
  filesBelow(home)
    .filter((file) => file.endsWith('.node'))
    .forEach((file) => run([architecture.strip, '--strip-unneeded', join(home, file)]));

  put(runtime.node, join(home, 'embedded', 'bin', 'node'), 0o755);
  put(runtime.license, join(home, 'embedded', 'LICENSE.node'));
  write(join(home, 'package.json'), json(manifestOf(build)));
  write(join(home, 'version-manifest.json'), json(contentsOf(build, packages)));
  for (const [command, main] of Object.entries(product.programs)) {
    write(join(home, 'bin', command), launcher(product.name, main), 0o755);
  }

  const documents = join(root, 'usr', 'share', 'doc', product.name);
  write(join(documents, 'copyright'), copyrightOf(source, packages));
  write(join(documents, 'changelog.Debian.gz'), gzipSync(changelogOf(build), { level: 9 }));
  for (const { from, to, mode } of product.files) put(join(source.folder, from), join(root, to), mode);
  for (const folder of product.folders) mkdirSync(join(root, folder), { recursive: true });
  setFolderModes(root);
};

const put = (from, to, mode = 0o644) => {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode);
};

const write = (file, content, mode = 0o644) => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
};

const copyPackage = (source, path, architecture, home) => {
  const from = join(source.folder, path);
  const isNeeded = isNeededOf(
    path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    architecture,
  );
  for (const file of filesBelow(from)) {
    if (!file.startsWith('node_modules/') && isNeeded(file)) put(join(from, file), join(home, path, file));
  }
};

/**
 * Returns all files below a folder, sorted, relative to it.
 * @param {string} folder
 * @returns {string[]}
 */
export const filesBelow = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((path) => !lstatSync(join(folder, path)).isDirectory())
    .sort();

const setFolderModes = (folder) => {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) setFolderModes(join(folder, entry.name));
  }
};

const launcher = (name, main) => `#!/bin/sh\nexec /opt/${name}/embedded/bin/node /opt/${name}/${main} "$@"\n`;

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

/** The programs read their version from this file, by the project's name. */
const manifestOf = ({ product, source, version }) => ({
  name: source.lock[''].name,
  version,
  description: product.summary,
  license: source.lock[''].license,
  type: 'module',
});

/** Lists the versions in the package, for example for a vulnerability scanner. */
const contentsOf = ({ product, source, runtime, version }, packages) => ({
  name: product.name,
  version,
  commit: source.commit,
  node: runtime.version,
  packages: Object.fromEntries(packages.map((path) => [path, source.lock[path].version])),
});

const changelogOf = ({ product, source, version }) =>
  `${product.name} (${version}) stable; urgency=medium\n\n  * Built from commit ${source.commit}.\n\n` +
  ` -- ${MAINTAINER}  ${new Date(source.epoch * 1000).toUTCString().replace('GMT', '+0000')}\n`;

/** Maintainer in the packages' metadata. */
export const MAINTAINER = 'Push Jobs for Chef <push-jobs@push-jobs.dev>';
