/** Finds the compiled files and npm packages that programs import. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { BuildFailed } from './run.mjs';

/**
 * Follows the imports of compiled programs.
 * @param {import('./source.mjs').Source} source
 * @param {readonly string[]} entries the programs' main files, from the source folder
 * @returns {{ files: string[], packages: string[] }} both as sorted paths from the source folder; packages are folders
 */
export const traceImports = (source, entries) => {
  const ts = createRequire(join(source.folder, 'package.json'))('typescript');
  const files = new Set();
  const imported = new Set();
  const waiting = entries.map((entry) => join(source.folder, entry));
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue;
    if (!existsSync(file))
      throw new BuildFailed(`${relative(source.folder, file)} is imported but was not built`);
    files.add(file);
    for (const { fileName: name } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
      if (name.startsWith('.')) waiting.push(resolve(dirname(file), name));
      else if (!isBuiltin(name)) imported.add(packageOf(name));
    }
  }
  return {
    files: [...files].map((file) => relative(source.folder, file)).sort(),
    packages: packagesBelow(source, [...imported]),
  };
};

const packageOf = (specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** Returns the folders of these packages and all their dependencies, as npm installed them. */
const packagesBelow = ({ folder, lock }, names) => {
  const found = new Set();
  const waiting = names.map((name) => ({ name, from: '', optional: false }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const path = locate(lock, next.from, next.name);
    if (path === undefined || !existsSync(join(folder, path))) {
      if (next.optional) continue;
      throw new BuildFailed(
        `${next.from || 'the programs'} need ${next.name}, which is not in package-lock.json`,
      );
    }
    if (found.has(path)) continue;
    found.add(path);
    const { dependencies, optionalDependencies, peerDependencies } = lock[path];
    const need = (wanted, optional) =>
      Object.keys(wanted ?? {}).forEach((name) => waiting.push({ name, from: path, optional }));
    need(dependencies, false);
    need(optionalDependencies, true);
    // Include a peer only if the programs depend on it in production.
    need(
      Object.fromEntries(
        Object.keys(peerDependencies ?? {})
          .filter(isForProduction(lock))
          .map((n) => [n, '']),
      ),
      true,
    );
  }
  return [...found].sort();
};

const isForProduction = (lock) => (name) => {
  const entry = lock[`node_modules/${name}`];
  return entry !== undefined && entry.dev !== true;
};

/** Finds a package as Node.js does: in the node_modules of the importing package or of a folder above it. */
const locate = (lock, from, name) => {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    const path = base === '' ? `node_modules/${name}` : `${base}/node_modules/${name}`;
    if (path in lock) return path;
    if (base === '') return undefined;
  }
};
