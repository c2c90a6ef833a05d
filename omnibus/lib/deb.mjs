/** Builds a .deb of a staged package. */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { readScripts } from './scripts.mjs';
import { filesBelow, MAINTAINER } from './stage.mjs';

/** Libraries that the binaries are linked with: Node.js needs glibc 2.28, the addon for ZeroMQ the C++ library of GCC 6. */
const DEPENDS = 'libc6 (>= 2.28), libgcc-s1 | libgcc1, libstdc++6 (>= 6)';

const LEVEL = { xz: 6, gzip: 1 };

/** Older packages with these names had higher versions; the epoch makes ours newer. */
export const EPOCH = 1;

/**
 * Builds the package; adds its control files to the staged tree.
 * @param {import('./stage.mjs').Build} build
 * @param {string} root the staged tree
 * @param {string} folder folder for the package
 * @param {'xz' | 'gzip'} compression
 * @returns {string} path of the package
 */
export const makeDeb = (build, root, folder, compression) => {
  const { product, source, architecture, version } = build;
  putOverrides(build, root);
  const files = filesBelow(root);
  const control = join(root, 'DEBIAN');
  mkdirSync(control);
  chmodSync(control, 0o755);
  const write = (name, text, mode = 0o644) => {
    writeFileSync(join(control, name), text);
    chmodSync(join(control, name), mode);
  };
  write('control', controlOf(build, sizeOf(root, files)));
  write('md5sums', files.map((file) => `${md5Of(join(root, file))}  ${file}\n`).join(''));
  const configs = product.files.filter(({ config }) => config === true);
  if (configs.length > 0) write('conffiles', configs.map(({ to }) => `/${to}\n`).join(''));
  for (const [name, text] of Object.entries(scriptsOf(build))) write(name, text, 0o755);

  const deb = join(folder, `${product.name}_${debVersion(version)}_${architecture.deb}.deb`);
  // One thread, because the output of xz depends on the number of threads.
  run(
    [
      'dpkg-deb',
      '--root-owner-group',
      `-Z${compression}`,
      `-z${LEVEL[compression]}`,
      '--threads-max=1',
      '--build',
      root,
      deb,
    ],
    {
      env: { SOURCE_DATE_EPOCH: String(source.epoch) },
    },
  );
  return deb;
};

/** Installs the file that tells lintian what to ignore. */
const putOverrides = ({ product, source }, root) => {
  const folder = join(root, 'usr', 'share', 'lintian', 'overrides');
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(source.folder, 'omnibus', 'lintian-overrides'), join(folder, product.name));
  chmodSync(join(folder, product.name), 0o644);
};

/** '1.2.0-rc.1' comes before '1.2.0' in Debian's order if it is written '1.2.0~rc.1'. */
const debVersion = (version) => `${version.replace('-', '~')}-1`;

const controlOf = ({ product, architecture, version }, kibibytes) => {
  const breaks = product.notWithOlder.map(({ name, below }) => `${name} (<< ${below})`);
  return [
    `Package: ${product.name}`,
    `Version: ${EPOCH}:${debVersion(version)}`,
    `Architecture: ${architecture.deb}`,
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${kibibytes}`,
    `Depends: ${DEPENDS}`,
    `Recommends: ${product.recommends.join(', ')}`,
    ...(breaks.length > 0 ? [`Breaks: ${breaks.join(', ')}`] : []),
    'Section: admin',
    'Priority: optional',
    `Description: ${product.summary}`,
    ...wrap(product.description).map((line) => ` ${line}`),
    '',
  ].join('\n');
};

const wrap = (text) => text.match(/.{1,76}(?:\s|$)/g).map((line) => line.trimEnd());

const sizeOf = (root, files) =>
  files.reduce((sum, file) => sum + Math.ceil(statSync(join(root, file)).size / 1024), 0);

const md5Of = (file) => createHash('md5').update(readFileSync(file)).digest('hex');

/** Wraps our scripts into Debian's maintainer scripts. */
const scriptsOf = ({ product, source }) => {
  const { installed, removing, purged } = readScripts(source, product);
  const when = (action, body) => `#!/bin/sh\nset -e\nif [ "$1" = ${action} ]; then\n${body}fi\n`;
  return {
    postinst: when('configure', installed),
    prerm: when('remove', removing),
    ...(purged === undefined ? {} : { postrm: when('purge', purged) }),
  };
};
