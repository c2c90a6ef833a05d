#!/usr/bin/env node
/** Builds the packages. See README.md in this folder, or --help. */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { architectureNamed } from './lib/architecture.mjs';
import { makeDeb } from './lib/deb.mjs';
import { makeRpm } from './lib/rpm.mjs';
import { BuildFailed } from './lib/run.mjs';
import { fetchRuntime } from './lib/runtime.mjs';
import { buildSource } from './lib/source.mjs';
import { stage } from './lib/stage.mjs';
import { PRODUCTS } from './products.mjs';

const HELP = `Usage: node omnibus/build.mjs [options]

Builds the packages of a commit: ${Object.values(PRODUCTS)
  .map(({ name }) => name)
  .join(', ')}, as .deb and .rpm.
Two builds of a commit give the same bytes.

  --commit REVISION      commit to build (default: HEAD); a package never contains uncommitted changes
  --out FOLDER           folder for the packages (default: omnibus/pkg)
  --product NAME         ${Object.keys(PRODUCTS).join(' or ')} (default: all; may be given more than once)
  --format NAME          deb or rpm (default: both; may be given twice)
  --arch NAME            amd64 or arm64 (default: amd64)
  --package-version V    version to use instead of that in package.json
  --compression NAME     xz or gzip, which is faster and larger (default: xz)
  --work FOLDER          keep the unpacked and built commit here for later builds (default: a temporary folder)
  --help                 show this

It needs git, npm, tar, binutils, dpkg-deb and rpmbuild (Debian: git binutils dpkg rpm).
`;

const OPTIONS = {
  commit: { type: 'string', default: 'HEAD' },
  out: { type: 'string' },
  product: { type: 'string', multiple: true, default: Object.keys(PRODUCTS) },
  format: { type: 'string', multiple: true, default: ['deb', 'rpm'] },
  arch: { type: 'string', default: 'amd64' },
  'package-version': { type: 'string' },
  compression: { type: 'string', default: 'xz' },
  work: { type: 'string' },
  help: { type: 'boolean', default: false },
};

const allow = (option, values, allowed) => {
  const wrong = values.find((value) => !allowed.includes(value));
  if (wrong !== undefined) throw new BuildFailed(`--${option} ${wrong}: it must be ${allowed.join(' or ')}`);
};

const readOptions = () => {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (thrown) {
    throw new BuildFailed(`${thrown.message}; --help lists the options`);
  }
};

const build = (options, work) => {
  const repository = fileURLToPath(new URL('..', import.meta.url));
  const out = resolve(options.out ?? join(repository, 'omnibus', 'pkg'));
  const kept = resolve(options.work ?? work);
  mkdirSync(kept, { recursive: true });
  const architecture = architectureNamed(options.arch);
  const source = buildSource(repository, options.commit, kept);
  const runtime = fetchRuntime(source, architecture, kept);
  const version = options['package-version'] ?? source.version;
  mkdirSync(out, { recursive: true });
  for (const key of options.product) {
    const build = { product: PRODUCTS[key], source, runtime, architecture, version };
    const root = join(mkdtempSync(join(work, 'root-')), 'root');
    stage(build, root);
    const files = [];
    if (options.format.includes('rpm')) {
      files.push(makeRpm(build, root, out, mkdtempSync(join(work, 'rpm-')), options.compression));
    }
    // The .deb comes last, because it adds its control files to the tree.
    if (options.format.includes('deb')) files.push(makeDeb(build, root, out, options.compression));
    for (const file of files) console.log(`${file} ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  }
};

const main = () => {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  allow('product', options.product, Object.keys(PRODUCTS));
  allow('format', options.format, ['deb', 'rpm']);
  allow('compression', [options.compression], ['xz', 'gzip']);
  process.umask(0o022);
  const work = mkdtempSync(join(tmpdir(), 'push-jobs-packages-'));
  try {
    build(options, work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

try {
  main();
} catch (thrown) {
  if (!(thrown instanceof BuildFailed)) throw thrown;
  console.error(`build: ${thrown.message}`);
  process.exitCode = 1;
}
