/** Unpacks and builds a commit. */
import { existsSync, mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

/**
 * A commit, unpacked and built in its own folder, so that no file of the work tree gets into a package.
 * @typedef {object} Source
 * @property {string} folder
 * @property {string} commit its full hash
 * @property {number} epoch time of the commit, seconds since 1970; the time of all files in the packages
 * @property {string} version of package.json
 * @property {Record<string, LockedPackage>} lock the packages of package-lock.json, by their folder
 */

/**
 * @typedef {object} LockedPackage
 * @property {string} version
 * @property {string} [license]
 * @property {boolean} [dev] only development needs it
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [optionalDependencies]
 * @property {Record<string, string>} [peerDependencies]
 */

/**
 * Unpacks and builds a commit, or reuses an earlier build of the same commit in the work folder.
 * @param {string} repository folder of the repository
 * @param {string} revision a git revision
 * @param {string} work the work folder of builds
 * @returns {Source}
 */
export const buildSource = (repository, revision, work) => {
  const git = (...args) => run(['git', '-C', repository, ...args]);
  const commit = git('rev-parse', '--verify', `${revision}^{commit}`).toString().trim();
  const folder = join(work, `source-${commit}`);
  if (!existsSync(folder)) {
    const draft = mkdtempSync(join(work, 'draft-'));
    run(['tar', '-x', '-C', draft], { input: git('archive', '--format=tar', commit) });
    run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: draft });
    run(['npm', 'run', '--silent', 'build'], { cwd: draft });
    renameSync(draft, folder);
  }
  return {
    folder,
    commit,
    epoch: Number(git('log', '-1', '--format=%ct', commit).toString()),
    version: readJson(join(folder, 'package.json')).version,
    lock: readJson(join(folder, 'package-lock.json')).packages,
  };
};

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
