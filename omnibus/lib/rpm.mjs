/** Builds an .rpm of a staged package. */
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EPOCH } from './deb.mjs';
import { run } from './run.mjs';
import { readScripts } from './scripts.mjs';
import { filesBelow, MAINTAINER } from './stage.mjs';

/** Libraries that the binaries are linked with, by symbols that every distribution's glibc and GCC provide. */
const REQUIRES = [
  'libc.so.6(GLIBC_2.28)(64bit)',
  'libgcc_s.so.1()(64bit)',
  'libstdc++.so.6(GLIBCXX_3.4.22)(64bit)',
];

const PAYLOAD = { xz: 'w6.xzdio', gzip: 'w1.gzdio' };

/**
 * Builds the package.
 * @param {import('./stage.mjs').Build} build
 * @param {string} root the staged tree, without the control files of another format
 * @param {string} folder folder for the package
 * @param {string} work an empty folder
 * @param {'xz' | 'gzip'} compression
 * @returns {string} path of the package
 */
export const makeRpm = (build, root, folder, work, compression) => {
  const spec = join(work, 'package.spec');
  writeFileSync(spec, specOf(build, root, compression));
  const packages = join(work, 'packages');
  mkdirSync(packages);
  run(
    [
      'rpmbuild',
      '-bb',
      `--target=${build.architecture.rpm}-linux`,
      `--define=_topdir ${join(work, 'top')}`,
      `--define=_rpmdir ${packages}`,
      `--define=_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm`,
      spec,
    ],
    { env: { SOURCE_DATE_EPOCH: String(build.source.epoch), LC_ALL: 'C' } },
  );
  const [name] = readdirSync(packages);
  renameSync(join(packages, name), join(folder, name));
  return join(folder, name);
};

/** Keeps properties of this machine out of the package, and prevents rpmbuild from changing files. */
const DEFINITIONS = (compression) => [
  `%global _binary_payload ${PAYLOAD[compression]}`,
  '%global _buildhost localhost',
  '%global use_source_date_epoch_as_buildtime 1',
  '%global clamp_mtime_to_source_date_epoch 1',
  '%global _build_id_links none',
  '%global debug_package %{nil}',
  '%global __os_install_post %{nil}',
];

/** '1.2.0-rc.1' comes before '1.2.0' in RPM's order if it is written '1.2.0~rc.1'. */
const rpmVersion = (version) => version.replace('-', '~');

/** Like 'Tue Nov 14 2023', in UTC. */
const changelogDate = (epoch) => {
  const [day, date, month, year] = new Date(epoch * 1000).toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${date} ${year}`;
};

const specOf = (build, root, compression) => {
  const { product, source, version } = build;
  const { installed, removing } = readScripts(source, product);
  return [
    ...DEFINITIONS(compression),
    `Name: ${product.name}`,
    `Epoch: ${EPOCH}`,
    `Version: ${rpmVersion(version)}`,
    'Release: 1',
    `Summary: ${product.summary}`,
    `License: ${source.lock[''].license}`,
    `Packager: ${MAINTAINER}`,
    `Vendor: Push Jobs for Chef`,
    'Group: System/Daemons',
    'AutoReqProv: no',
    ...REQUIRES.map((name) => `Requires: ${name}`),
    'Requires: /bin/sh',
    'Requires: /usr/bin/flock', // our programs lock files with it
    ...product.recommends.map((name) => `Recommends: ${name}`),
    ...product.notWithOlder.map(({ name, below }) => `Conflicts: ${name} < ${below}`),
    '',
    '%description',
    ...product.description.match(/.{1,76}(?:\s|$)/g).map((line) => line.trimEnd()),
    '',
    '%install',
    `cp -a '${root}/.' '%{buildroot}'`,
    '',
    // After the scripts of the previous version, which may remove our links.
    `%posttrans\n${installed}`,
    `%preun\nif [ "$1" = 0 ]; then\n${removing}fi\n`,
    '%files',
    '%defattr(-,root,root,-)',
    ...fileList(product, root),
    '',
    '%changelog',
    `* ${changelogDate(source.epoch)} ${MAINTAINER} - ${EPOCH}:${rpmVersion(version)}-1`,
    `- Built from commit ${source.commit}.`,
    '',
  ].join('\n');
};

/** Lists the package's own folder as a whole; elsewhere single files, because other packages own their folders. */
const fileList = (product, root) => {
  const own = `opt/${product.name}`;
  const documents = `usr/share/doc/${product.name}`;
  const configs = new Set(product.files.filter(({ config }) => config === true).map(({ to }) => to));
  const single = filesBelow(root).filter(
    (file) => !file.startsWith(`${own}/`) && !file.startsWith(`${documents}/`),
  );
  return [
    `/${own}`,
    `%doc /${documents}`,
    ...product.folders.map((folder) => `%dir /${folder}`),
    ...single.map((file) => `${configs.has(file) ? '%config(noreplace) ' : ''}/${file}`),
  ];
};
