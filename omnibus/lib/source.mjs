/** Gets a commit, and the programs that are built from it. */
import { existsSync, mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

/**
 * A commit that was unpacked and built in a folder of its own, so that nothing of the work tree gets into a package.
 * @typedef {object} Source
 * @property {string} folder
 * @property {string} commit its full hash
 * @property {number} epoch when it was committed, seconds since 1970: the time of everything in the packages
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
 * Unpacks and builds a commit, or takes what an earlier build of the same commit left in the folder.
 * @param {string} repository folder of the repository
 * @param {string} revision what git calls it
 * @param {string} work the folder in which such builds stand
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
