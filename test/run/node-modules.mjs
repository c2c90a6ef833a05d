/** Installs the npm packages of package-lock.json if node_modules differs from it. */
import { existsSync, readFileSync } from 'node:fs';
import { mustRun } from './commands.mjs';

/** npm's record of the installed packages. */
const INSTALLED = 'node_modules/.package-lock.json';

const packagesOf = (file) => {
  const { packages } = JSON.parse(readFileSync(file, 'utf8'));
  return new Map(Object.entries(packages).filter(([path]) => path.startsWith('node_modules/')));
};

/**
 * Describes the first difference between locked and installed packages; undefined if there is none. Optional packages
 * may be missing because they are for other platforms.
 * @param {Map<string, { version?: string, optional?: boolean, devOptional?: boolean, peer?: boolean }>} locked by path
 * @param {Map<string, { version?: string }>} installed by path
 */
export const firstDifference = (locked, installed) => {
  for (const [path, { version, optional }] of locked) {
    const is = installed.get(path)?.version;
    if (is !== version && !(optional && is === undefined)) {
      return `${path} should be ${version ?? 'linked'}, is ${is ?? 'missing'}`;
    }
  }
  const extra = [...installed.keys()].find((path) => !locked.has(path));
  return extra === undefined ? undefined : `${extra} is not in package-lock.json`;
};

/** Runs `npm ci` if it is necessary, and prints why. */
export const checkNodeModules = async () => {
  const why = existsSync(INSTALLED)
    ? firstDifference(packagesOf('package-lock.json'), packagesOf(INSTALLED))
    : 'node_modules is missing';
  if (why === undefined) return;
  console.log(`${why}: running npm ci`);
  await mustRun(['npm', 'ci', '--no-audit', '--no-fund']);
};
